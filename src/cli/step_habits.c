#include "cli/step_habits.h"

#include <stddef.h>

const struct pga_habit pga_step_habits[] = {
    {"install", "leave it out: the root is installed for PostgreSQL, and nowhere else"},
    {"force", "--replace takes the place of another root"},
    {"root", "give the file itself, without an option"},
    {"context", "a context of step's is --step-config --step-context NAME"},
    {"authority", "leave it out: --name is what the anchor is called"},
    {"profile", "leave it out: --name is what the anchor is called"},
    {"redirect-url", "leave it out: nobody logs in here"},
    {"team-authority", "leave it out: --team-url is the whole address, with its authority"},
    {NULL, NULL},
};
