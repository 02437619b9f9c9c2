#include "clients/stores.h"

#include "base/paths.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Against which directory a pattern is. */
enum base { OF_HOME, OF_DATA, OF_CONFIG, OF_NOTHING };

#define MEND_DBEAVER                                                                 \
	"in DBeaver: Edit Connection, SSL: tick Use SSL, choose the CA certificate " \
	"(~/.postgresql/root.crt), and under Advanced the SSL mode verify-full"
#define MEND_JETBRAINS                                                                   \
	"in the IDE: Data Source Properties, SSH/SSL: tick Use SSL, choose the CA file " \
	"(~/.postgresql/root.crt) and the mode Verify Full"
#define MEND_PGADMIN                                                                        \
	"in pgAdmin: Properties of the server, Parameters: SSL mode verify-full, and Root " \
	"certificate ~/.postgresql/root.crt"
#define MEND_TEXT   "write sslmode=verify-full into it"
#define MEND_VSCODE "in settings.json give the connection \"sslmode\": \"verify-full\""

/* Debian's packages, Flathub's and the Snap Store's keep them in these places. In each place of a
 * star there may be anything. */
static const struct {
	const char *client;
	enum base base;
	const char *pattern;
	pga_store_read *read;
	const char *mend;
} places[] = {
#define DBEAVER "DBeaverData/workspace6/*/.dbeaver/data-sources*.json"
    {"DBeaver", OF_DATA, DBEAVER, pga_dbeaver_read, MEND_DBEAVER},
    {"DBeaver", OF_HOME, ".var/app/io.dbeaver.DBeaverCommunity/data/" DBEAVER, pga_dbeaver_read,
     MEND_DBEAVER},
    {"DBeaver", OF_HOME, "snap/dbeaver-ce/current/.local/share/" DBEAVER, pga_dbeaver_read,
     MEND_DBEAVER},
    {"DataGrip", OF_CONFIG, "JetBrains/*/options/dataSources.xml", pga_jetbrains_read,
     MEND_JETBRAINS},
    {"DataGrip", OF_CONFIG, "JetBrains/*/projects/*/.idea/dataSources.xml", pga_jetbrains_read,
     MEND_JETBRAINS},
    {"pgAdmin", OF_HOME, ".pgadmin/pgadmin4.db", pga_pgadmin_read, MEND_PGADMIN},
    {"pgAdmin", OF_NOTHING, "/var/lib/pgadmin/pgadmin4.db", pga_pgadmin_read, MEND_PGADMIN},
    {"pgcli", OF_CONFIG, "pgcli/config", pga_pgcli_read, MEND_TEXT},
    {"psql", OF_HOME, ".psqlrc*", pga_psqlrc_read, MEND_TEXT},
    {"psql", OF_NOTHING, "/etc/postgresql-common/psqlrc", pga_psqlrc_read, MEND_TEXT},
#define VSCODE          "User/settings.json"
#define VSCODE_PROFILES "User/profiles/*/settings.json"
    {"VS Code", OF_CONFIG, "Code/" VSCODE, pga_vscode_read, MEND_VSCODE},
    {"VS Code", OF_CONFIG, "Code/" VSCODE_PROFILES, pga_vscode_read, MEND_VSCODE},
    {"VS Code", OF_CONFIG, "Code - Insiders/" VSCODE, pga_vscode_read, MEND_VSCODE},
    {"VS Code", OF_HOME, ".var/app/com.visualstudio.code/config/Code/" VSCODE, pga_vscode_read,
     MEND_VSCODE},
    {"VS Code", OF_HOME, ".vscode-server/data/Machine/settings.json", pga_vscode_read, MEND_VSCODE},
    {"VSCodium", OF_CONFIG, "VSCodium/" VSCODE, pga_vscode_read, MEND_VSCODE},
    {"Cursor", OF_CONFIG, "Cursor/" VSCODE, pga_vscode_read, MEND_VSCODE},
};

/* No more files than these are looked at for one pattern, and no more projects. */
#define MOST_FILES 200

struct looking {
	struct pga_kept *kept;
	const char *home;
	size_t projects;
};

/* Adds a directory of the XDG base directory specification: a relative one does not count. */
static void add_base(struct pga_text *path, enum base base, const char *home)
{
	const char *variable = base == OF_DATA     ? getenv("XDG_DATA_HOME")
			       : base == OF_CONFIG ? getenv("XDG_CONFIG_HOME")
						   : NULL;

	if (base == OF_NOTHING)
		return;
	if (variable != NULL && variable[0] == '/')
		pga_text_addf(path, "%s/", variable);
	else
		pga_text_addf(path, "%s/%s", home,
			      base == OF_DATA     ? ".local/share/"
			      : base == OF_CONFIG ? ".config/"
						  : "");
}

/* Adds a directory's name to a pattern of glob(3), in which it stands for itself. */
static void add_literally(struct pga_text *pattern, const char *directory)
{
	for (; *directory != '\0'; directory++) {
		if (strchr("*?[\\", *directory) != NULL)
			pga_text_add(pattern, "\\");
		pga_text_add_bytes(pattern, directory, 1);
	}
}

static void look_at(struct looking *looking, size_t place, const char *file)
{
	const struct pga_store store = {looking->kept, places[place].client, places[place].mend,
					file};

	if (access(file, R_OK) == 0 || places[place].base != OF_NOTHING)
		places[place].read(&store);
}

/* Calls take with each file of the pattern, in the order of their names. */
static void each_file(struct looking *looking, enum base base, const char *pattern,
		      void (*take)(struct looking *looking, size_t place, const char *file),
		      size_t place)
{
	struct pga_text directory = PGA_TEXT_EMPTY;
	struct pga_text whole = PGA_TEXT_EMPTY;
	glob_t found;
	int result;

	add_base(&directory, base, looking->home);
	add_literally(&whole, pga_text_string(&directory));
	pga_text_add(&whole, pattern);
	if (directory.failed || whole.failed) {
		looking->kept->failed = true;
	} else {
		result = glob(pga_text_string(&whole), 0, NULL, &found);
		if (result == GLOB_NOSPACE)
			looking->kept->failed = true;
		for (size_t i = 0; result == 0 && i < found.gl_pathc && i < MOST_FILES; i++)
			take(looking, place, found.gl_pathv[i]);
		globfree(&found);
	}
	pga_text_free(&directory);
	pga_text_free(&whole);
}

static void take_project(void *context, const char *project)
{
	struct looking *looking = context;
	struct pga_text file = PGA_TEXT_EMPTY;
	const struct pga_store store = {looking->kept, "DataGrip", MEND_JETBRAINS, NULL};
	struct pga_store here = store;

	if (++looking->projects > MOST_FILES)
		return;
	pga_text_addf(&file, "%s/.idea/dataSources.xml", project);
	here.file = pga_text_string(&file);
	if (file.failed)
		looking->kept->failed = true;
	else if (access(here.file, F_OK) == 0)
		pga_jetbrains_read(&here);
	pga_text_free(&file);
}

static void look_at_projects(struct looking *looking, size_t place, const char *file)
{
	const struct pga_store store = {looking->kept, "DataGrip", MEND_JETBRAINS, file};
	struct pga_error error;

	(void)place;
	if (pga_jetbrains_projects(file, looking->home, take_project, looking, &error) != 0)
		pga_keep_unread(&store, &error);
}

int pga_clients_look(struct pga_kept *kept, const struct pga_policy *policy,
		     struct pga_error *error)
{
	char *home = pga_home();
	struct looking looking = {kept, home, 0};

	memset(kept, 0, sizeof *kept);
	kept->policy = policy;
	if (home == NULL)
		return pga_fail_home(error);
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		each_file(&looking, places[i].base, places[i].pattern, look_at, i);
	each_file(&looking, OF_CONFIG, "JetBrains/*/options/recentProjects.xml", look_at_projects,
		  0);
	free(home);
	return kept->failed ? pga_fail_memory(error) : 0;
}
