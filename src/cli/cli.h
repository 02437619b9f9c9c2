/* The subcommands: each is a table, and one function in the file of its name, cmd_NAME.c. */
#ifndef PGA_CLI_CLI_H
#define PGA_CLI_CLI_H

#include "cli/options.h"
#include "cli/usage.h"
#include "report/finding.h"

/* Exit statuses of the tool. */
enum pga_exit {
	PGA_EXIT_DONE = 0,
	PGA_EXIT_FAILED = 1,
	PGA_EXIT_USAGE = 2,
	PGA_EXIT_WEAK = 3, /* something is weaker than policy */
};

/* The exit status of a command that checks: that of the worst it has found. */
static inline int pga_exit_of(enum pga_severity worst)
{
	return worst == PGA_SEVERITY_ERROR ? PGA_EXIT_WEAK : PGA_EXIT_DONE;
}

/* All of it: what `pganchor` itself takes. */
extern const struct pga_command pga_cmd_pganchor;

extern const struct pga_command pga_cmd_anchor;
extern const struct pga_command pga_cmd_anchor_accept;
extern const struct pga_command pga_cmd_anchor_add;
extern const struct pga_command pga_cmd_anchor_forget;
extern const struct pga_command pga_cmd_anchor_export;
extern const struct pga_command pga_cmd_anchor_import;
extern const struct pga_command pga_cmd_anchor_list;
extern const struct pga_command pga_cmd_anchor_remove;
extern const struct pga_command pga_cmd_anchor_rename;
extern const struct pga_command pga_cmd_anchor_set_hosts;
extern const struct pga_command pga_cmd_anchor_show;
extern const struct pga_command pga_cmd_anchor_refresh;
extern const struct pga_command pga_cmd_anchor_trim;
extern const struct pga_command pga_cmd_anchor_timer;
extern const struct pga_command pga_cmd_anchor_verify;
extern const struct pga_command pga_cmd_audit;
extern const struct pga_command pga_cmd_bootstrap;
extern const struct pga_command pga_cmd_ca;
extern const struct pga_command pga_cmd_ca_local;
extern const struct pga_command pga_cmd_ca_local_create;
extern const struct pga_command pga_cmd_ca_local_issue;
extern const struct pga_command pga_cmd_ca_local_remove;
extern const struct pga_command pga_cmd_ca_local_serve;
extern const struct pga_command pga_cmd_cert;
extern const struct pga_command pga_cmd_cert_add;
extern const struct pga_command pga_cmd_cert_forget;
extern const struct pga_command pga_cmd_cert_inspect;
extern const struct pga_command pga_cmd_cert_issue;
extern const struct pga_command pga_cmd_cert_renew;
extern const struct pga_command pga_cmd_cert_revoke;
extern const struct pga_command pga_cmd_cert_status;
extern const struct pga_command pga_cmd_cert_timer;
extern const struct pga_command pga_cmd_completion;
extern const struct pga_command pga_cmd_crl;
extern const struct pga_command pga_cmd_crl_add;
extern const struct pga_command pga_cmd_crl_list;
extern const struct pga_command pga_cmd_crl_refresh;
extern const struct pga_command pga_cmd_crl_remove;
extern const struct pga_command pga_cmd_disable;
extern const struct pga_command pga_cmd_doctor;
extern const struct pga_command pga_cmd_enable;
extern const struct pga_command pga_cmd_explain;
extern const struct pga_command pga_cmd_forecast;
extern const struct pga_command pga_cmd_log;
extern const struct pga_command pga_cmd_onboard;
extern const struct pga_command pga_cmd_password;
extern const struct pga_command pga_cmd_password_clear;
extern const struct pga_command pga_cmd_password_export;
extern const struct pga_command pga_cmd_password_get;
extern const struct pga_command pga_cmd_password_import;
extern const struct pga_command pga_cmd_password_list;
extern const struct pga_command pga_cmd_password_set;
extern const struct pga_command pga_cmd_password_unlock;
extern const struct pga_command pga_cmd_probe;
extern const struct pga_command pga_cmd_profile;
extern const struct pga_command pga_cmd_run;
extern const struct pga_command pga_cmd_server;
extern const struct pga_command pga_cmd_service;
extern const struct pga_command pga_cmd_service_add;
extern const struct pga_command pga_cmd_service_harden;
extern const struct pga_command pga_cmd_service_list;
extern const struct pga_command pga_cmd_service_remove;
extern const struct pga_command pga_cmd_service_show;
extern const struct pga_command pga_cmd_status;
extern const struct pga_command pga_cmd_uninstall;

#endif
