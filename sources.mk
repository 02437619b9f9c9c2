# Which file is a part of what. Makefile.am includes it, and the fuzzers read it.

# The two lower floors: libc alone. The gate and the tool are both made of them.
BASE = \
	src/base/append.c src/base/append.h \
	src/base/error.c src/base/error.h \
	src/base/file.c src/base/file.h \
	src/base/file_identity.c src/base/file_identity.h \
	src/base/host.c src/base/host.h \
	src/base/ini.c src/base/ini.h \
	src/base/ownership.c src/base/ownership.h \
	src/base/paths.c src/base/paths.h \
	src/base/printable.c src/base/printable.h \
	src/base/quiet_write.c src/base/quiet_write.h \
	src/base/shell_word.c src/base/shell_word.h \
	src/base/signals.c src/base/signals.h \
	src/base/text.c src/base/text.h \
	src/base/userfile.c src/base/userfile.h \
	src/base/walk.c src/base/walk.h
POLICY = \
	src/policy/ask_libpq.c \
	src/policy/effective.c src/policy/effective.h \
	src/policy/explain.c src/policy/explain.h \
	src/policy/auth.c src/policy/auth.h \
	src/policy/hostlist.c src/policy/hostlist.h \
	src/policy/known_servers.c src/policy/known_servers.h \
	src/policy/known_servers_lines.c \
	src/policy/libpq.h \
	src/policy/options.c src/policy/options.h \
	src/policy/passwords.c src/policy/passwords.h \
	src/policy/origin.c \
	src/policy/pins.c src/policy/pins.h \
	src/policy/pins_parse.c \
	src/policy/policy.c src/policy/policy.h \
	src/policy/record.c src/policy/record.h \
	src/policy/release.c src/policy/release.h \
	src/policy/secrets.c src/policy/secrets.h \
	src/policy/setting_rules.c src/policy/setting_rules.h \
	src/policy/shown.c \
	src/policy/system_files.c src/policy/system_files.h \
	src/policy/trust.c src/policy/trust.h \
	src/policy/verdict.c src/policy/verdict.h

# The gate, without what the module and the library each have for themselves.
GATE = \
	src/gate/answers.c src/gate/answers.h \
	src/gate/audit_log.c src/gate/audit_log.h \
	src/gate/call.c src/gate/call.h \
	src/gate/caller.c src/gate/caller.h \
	src/gate/cancel.c \
	src/gate/chroot.c src/gate/chroot.h \
	src/gate/connect.c \
	src/gate/connect_poll.c src/gate/connect_poll.h \
	src/gate/continuity.c src/gate/continuity.h \
	src/gate/cut.c src/gate/cut.h \
	src/gate/dl.c src/gate/dl.h \
	src/gate/elf.c src/gate/elf.h \
	src/gate/elf_got.c \
	src/gate/export.h \
	src/gate/got.c src/gate/got.h \
	src/gate/imports.c src/gate/imports.h \
	src/gate/judge.c src/gate/judge.h \
	src/gate/keyring.c src/gate/keyring.h \
	src/gate/libpq.c src/gate/libpq.h \
	src/gate/lock.c src/gate/lock.h \
	src/gate/lookup.c \
	src/gate/machine.h \
	src/gate/notice.c src/gate/notice.h \
	src/gate/openssl.c src/gate/openssl.h \
	src/gate/passfile.c src/gate/passfile.h \
	src/gate/passphrase.c src/gate/passphrase.h \
	src/gate/hand_over.c src/gate/hand_over.h \
	src/gate/peer.c src/gate/peer.h \
	src/gate/refusal.c src/gate/refusal.h \
	src/gate/rules.c src/gate/rules.h \
	src/gate/session.c src/gate/session.h \
	src/gate/tls_write.c \
	src/gate/twin.c src/gate/twin.h \
	src/gate/verify_error.c src/gate/verify_error.h \
	src/gate/wanted.c src/gate/wanted.h \
	src/gate/withheld.c src/gate/withheld.h \
	src/gate/wrappers.c src/gate/wrappers.h

# The program that asks the keyring, over BASE and POLICY. What the others know of it is in protocol.h.
SECRET = \
	src/base/session_bus.c src/base/session_bus.h \
	src/secret/keyring.c src/secret/keyring.h \
	src/secret/limit.c src/secret/limit.h \
	src/secret/main.c \
	src/secret/protocol.h \
	src/secret/request.c src/secret/request.h

# What the tool alone has of the two: writing files, other programs, the libpq that it is linked with.
TOOL_BASE = \
	src/base/acting.c src/base/acting.h \
	src/base/attributes.c src/base/attributes.h \
	src/base/cleanup.c src/base/cleanup.h \
	src/base/directory.c src/base/directory.h \
	src/base/edit.c src/base/edit.h \
	src/base/edit_lock.c src/base/edit_lock.h \
	src/base/home_text.c src/base/home_text.h \
	src/base/guess.c src/base/guess.h \
	src/base/ini_cut.c src/base/ini_cut.h \
	src/base/manifest.c src/base/manifest.h \
	src/base/many.c src/base/many.h \
	src/base/memory_file.c src/base/memory_file.h \
	src/base/noting.c \
	src/base/path.c src/base/path.h \
	src/base/pg_releases.c src/base/pg_releases.h \
	src/base/progress.c src/base/progress.h \
	src/base/session_bus.c src/base/session_bus.h \
	src/base/staged.c src/base/staged.h \
	src/base/subprocess.c src/base/subprocess.h \
	src/base/terminal.c src/base/terminal.h \
	src/base/transaction.c src/base/transaction.h \
	src/base/unconst.h
TOOL_POLICY = \
	src/policy/joined.c src/policy/joined.h \
	src/policy/linked.c src/policy/linked.h \
	src/policy/own_libpq.c

# The tool's parts. None is used by one that stands above it here.
TLS = \
	src/tls/at_time.c src/tls/at_time.h \
	src/tls/base64.c src/tls/base64.h \
	src/tls/bundle.c src/tls/bundle.h \
	src/tls/certificate.c src/tls/certificate.h \
	src/tls/certificate_text.c src/tls/certificate_text.h \
	src/tls/crl.c src/tls/crl.h \
	src/tls/crl_trial.c src/tls/crl_trial.h \
	src/tls/dial.c src/tls/dial.h \
	src/tls/exchange.c src/tls/exchange.h \
	src/tls/fingerprint.c src/tls/fingerprint.h \
	src/tls/handshake.c src/tls/handshake.h \
	src/tls/host_name.c src/tls/host_name.h \
	src/tls/minisign.c src/tls/minisign.h \
	src/tls/openssl_error.c src/tls/openssl_error.h \
	src/tls/host_names.c src/tls/host_names.h \
	src/tls/name_constraints.c src/tls/name_constraints.h \
	src/tls/pg_answer.c src/tls/pg_answer.h \
	src/tls/root_pins.c src/tls/root_pins.h \
	src/tls/root_rules.c \
	src/tls/server_chain.c src/tls/server_chain.h \
	src/tls/twins.c src/tls/twins.h \
	src/tls/verification.c src/tls/verification.h \
	src/tls/x509_pem.c src/tls/x509_pem.h \
	src/tls/x509_text.c src/tls/x509_text.h
CA = \
	src/ca/base64url.c src/ca/base64url.h \
	src/ca/http.c src/ca/http.h \
	src/ca/http_chain.c src/ca/http_chain.h \
	src/ca/idn.c src/ca/idn.h \
	src/ca/jwe.c src/ca/jwe.h \
	src/ca/jws.c src/ca/jws.h \
	src/ca/proxy.c src/ca/proxy.h \
	src/ca/step_config.c src/ca/step_config.h \
	src/ca/stepca.c src/ca/stepca.h \
	src/ca/stepca_answers.c src/ca/stepca_answers.h \
	src/ca/stepca_certs.c src/ca/stepca_certs.h \
	src/ca/team.c src/ca/team.h \
	src/ca/url.c src/ca/url.h
ANCHOR = \
	src/anchor/anchor_name.c src/anchor/anchor_name.h \
	src/anchor/anchors.c src/anchor/anchors.h \
	src/anchor/anchors_conf.c src/anchor/anchors_conf.h \
	src/anchor/crl_blocks.c \
	src/anchor/crl_source.c src/anchor/crl_source.h \
	src/anchor/crls.c src/anchor/crls.h \
	src/anchor/crls_conf.c \
	src/anchor/install_many.c src/anchor/install_many.h \
	src/anchor/installed_roots.c src/anchor/installed_roots.h \
	src/anchor/known_host.c src/anchor/known_host.h \
	src/anchor/known_roots.c src/anchor/known_roots.h \
	src/anchor/new_hosts.c src/anchor/new_hosts.h \
	src/anchor/notices.c src/anchor/notices.h \
	src/anchor/own_file.c src/anchor/own_file.h \
	src/anchor/proof.c src/anchor/proof.h \
	src/anchor/proof_files.c \
	src/anchor/removal.c src/anchor/removal.h \
	src/anchor/removing.c src/anchor/removing.h \
	src/anchor/root_crt.c src/anchor/root_crt.h \
	src/anchor/root_crt_cut.c \
	src/anchor/root_crt_path.c src/anchor/root_crt_path.h \
	src/anchor/refresh.c src/anchor/refresh.h \
	src/anchor/refresh_sources.c \
	src/anchor/refresh_timer.c src/anchor/refresh_timer.h \
	src/anchor/rotating.h src/anchor/rotation_files.c \
	src/anchor/rotation.c src/anchor/rotation.h \
	src/anchor/server_keys.c src/anchor/server_keys.h \
	src/anchor/source.c src/anchor/source.h \
	src/anchor/source_bytes.c src/anchor/source_bytes.h \
	src/anchor/source_file.c \
	src/anchor/source_https.c \
	src/anchor/source_records.c src/anchor/source_records.h \
	src/anchor/source_server.c \
	src/anchor/source_stepca.c src/anchor/source_stepca.h \
	src/anchor/source_stepconfig.c \
	src/anchor/source_team.c \
	src/anchor/source_words.h \
	src/anchor/trimmed.c src/anchor/trimmed.h \
	src/anchor/units.c src/anchor/units.h \
	src/anchor/unpinned.c src/anchor/unpinned.h
SERVICE = \
	src/service/addresses.c src/service/addresses.h \
	src/service/anchored.c src/service/anchored.h \
	src/service/ask.c src/service/ask.h \
	src/service/check.c src/service/check.h \
	src/service/check_many.c src/service/check_many.h \
	src/service/choose_anchor.c src/service/choose_anchor.h \
	src/service/compose.c src/service/compose.h \
	src/service/crl_add.c src/service/crl_add.h \
	src/service/crl_bind.c \
	src/service/crl_choice.c src/service/crl_choice.h \
	src/service/crl_issuer.c src/service/crl_issuer.h \
	src/service/crl_plan.c src/service/crl_plan.h \
	src/service/crl_refresh.c src/service/crl_refresh.h \
	src/service/crl_removal.c src/service/crl_removal.h \
	src/service/crl_removal_try.h \
	src/service/crl_servers.c src/service/crl_servers.h \
	src/service/crl_try.c src/service/crl_try.h \
	src/service/evaluate.c src/service/evaluate.h \
	src/service/harden.c src/service/harden.h \
	src/service/harden_compose.c \
	src/service/harden_follow.c \
	src/service/harden_look.c \
	src/service/harden_name.c \
	src/service/harden_parts.h \
	src/service/harden_record.c src/service/harden_record.h \
	src/service/harden_servers.c \
	src/service/harden_short.c \
	src/service/harden_undo.c \
	src/service/harden_write.c \
	src/service/host_name.c src/service/host_name.h \
	src/service/list.c src/service/list.h \
	src/service/pins_view.c \
	src/service/pinned_login.c src/service/pinned_login.h \
	src/service/ports.c src/service/ports.h \
	src/service/rename_anchor.c src/service/rename_anchor.h \
	src/service/prove.c src/service/prove.h \
	src/service/repoint.c src/service/repoint.h \
	src/service/rewrite.c src/service/rewrite.h \
	src/service/roots.c src/service/roots.h \
	src/service/servicefile.c src/service/servicefile.h \
	src/service/settings.c src/service/settings.h \
	src/service/surroundings.c src/service/surroundings.h \
	src/service/trusted.c src/service/trusted.h \
	src/service/uses.c src/service/uses.h \
	src/service/uses_index.h \
	src/service/uses_of.c \
	src/service/trim.c src/service/trim.h \
	src/service/write.c src/service/write.h
PRELOAD = \
	src/preload/binary.c src/preload/binary.h \
	src/preload/block.c src/preload/block.h \
	src/preload/daemons.c src/preload/daemons.h \
	src/preload/dropin.c src/preload/dropin.h \
	src/preload/enable.c src/preload/enable.h \
	src/preload/image.c src/preload/image.h \
	src/preload/known.c src/preload/known.h \
	src/preload/module.c src/preload/module.h \
	src/preload/program.c src/preload/program.h \
	src/preload/session.c src/preload/session.h \
	src/preload/shells.c src/preload/shells.h \
	src/preload/unit_settings.c src/preload/unit_settings.h \
	src/preload/units.c \
	src/preload/watch.c src/preload/watch.h \
	src/preload/watch_filter.c src/preload/watch_filter.h \
	src/preload/watched.c src/preload/watched.h \
	src/preload/watcher.c src/preload/watcher.h
PASSWORD = \
	src/password/ask_keyring.c src/password/ask_keyring.h \
	src/password/ask_passfile.c src/password/ask_passfile.h \
	src/password/explain.c src/password/explain.h \
	src/password/export.c src/password/export.h \
	src/password/import.c src/password/import.h \
	src/password/index.c src/password/index.h \
	src/password/keep.c src/password/keep.h \
	src/password/keep_pins.c src/password/keep_pins.h \
	src/password/log_in.c src/password/log_in.h \
	src/password/passfile.c src/password/passfile.h \
	src/password/pins_copy.c src/password/pins_copy.h \
	src/password/private_key.c src/password/private_key.h \
	src/password/secret.c src/password/secret.h
CERT = \
	src/cert/acme.c src/cert/acme.h \
	src/cert/acme_lego.c \
	src/cert/acme_run.c src/cert/acme_running.h \
	src/cert/acme_settings.c src/cert/acme_settings.h \
	src/cert/acme_uacme.c \
	src/cert/authority.c src/cert/authority.h \
	src/cert/certs_conf.c \
	src/cert/cluster.c src/cert/cluster.h \
	src/cert/cluster_conf.c src/cert/cluster_conf.h \
	src/cert/cluster_sql.c src/cert/cluster_sql.h \
	src/cert/csr.c src/cert/csr.h \
	src/cert/issue.c src/cert/issue.h \
	src/cert/issue_again.c src/cert/issue_again.h \
	src/cert/issue_names.c \
	src/cert/issue_refusal.c \
	src/cert/key.c src/cert/key.h \
	src/cert/lifetime.c src/cert/lifetime.h \
	src/cert/local_before.c src/cert/local_before.h \
	src/cert/local_ca.c src/cert/local_ca.h \
	src/cert/local_pair.c src/cert/local_pair.h \
	src/cert/local_proof.c src/cert/local_proof.h \
	src/cert/local_record.c src/cert/local_record.h \
	src/cert/local_remove.c \
	src/cert/local_renew.c src/cert/local_renew.h \
	src/cert/local_serve.c src/cert/local_serve.h \
	src/cert/local_sign.c src/cert/local_sign.h \
	src/cert/local_undo.c \
	src/cert/metrics.c src/cert/metrics.h \
	src/cert/pair.c src/cert/pair.h \
	src/cert/pair_check.c \
	src/cert/pair_place.c src/cert/pair_place.h \
	src/cert/pair_swap.c src/cert/pair_swap.h \
	src/cert/passphrase.c src/cert/passphrase.h \
	src/cert/placing.c src/cert/placing.h \
	src/cert/record.c src/cert/record.h \
	src/cert/reload.c src/cert/reload.h \
	src/cert/renew.c src/cert/renew.h \
	src/cert/renew_ask.c src/cert/renew_ask.h \
	src/cert/renew_place.c src/cert/renewing.h \
	src/cert/revoke.c src/cert/revoke.h \
	src/cert/served_file.c src/cert/served_file.h \
	src/cert/sign.c src/cert/sign.h \
	src/cert/state.c src/cert/state.h \
	src/cert/timer.c src/cert/timer.h \
	src/cert/words.c src/cert/words.h
REPORT = \
	src/report/calendar.c src/report/calendar.h \
	src/report/finding.c src/report/finding.h \
	src/report/finding_ids.h \
	src/report/html.c src/report/html.h src/report/html_style.h \
	src/report/json.c src/report/json.h \
	src/report/moment.c src/report/moment.h \
	src/report/sarif.c src/report/sarif.h \
	src/report/saved.c src/report/saved.h \
	src/report/table.c src/report/table.h \
	src/report/text.c src/report/text.h
# What is found out of a server without a password.
PROBE = \
	src/probe/callers.c src/probe/callers.h \
	src/probe/chain.c src/probe/chain.h \
	src/probe/client_settings.c src/probe/client_settings.h \
	src/probe/drivers.c src/probe/drivers.h \
	src/probe/explain.c \
	src/probe/fleet.c src/probe/fleet.h \
	src/probe/grade.c src/probe/grade.h \
	src/probe/http_listen.c src/probe/http_listen.h \
	src/probe/http_open.c \
	src/probe/http_reply.c src/probe/http_reply.h \
	src/probe/http_request.c src/probe/http_request.h \
	src/probe/metrics.c src/probe/metrics.h \
	src/probe/probe.c src/probe/probe.h \
	src/probe/questions.c src/probe/questions.h \
	src/probe/startup.c src/probe/startup.h \
	src/probe/target.c src/probe/target.h \
	src/probe/trust.c \
	src/probe/words.c
# What a company hands out.
PROFILE = \
	src/profile/anchor_files.c \
	src/profile/anchor_section.c \
	src/profile/applied.c src/profile/applied.h \
	src/profile/apply.c src/profile/apply.h \
	src/profile/begun.c \
	src/profile/believe.c src/profile/believe.h \
	src/profile/directory.c src/profile/directory.h \
	src/profile/expand.c \
	src/profile/keys.c src/profile/keys.h \
	src/profile/merge.c src/profile/merge.h \
	src/profile/plan_anchors.c \
	src/profile/plan_policy.c \
	src/profile/plan_services.c \
	src/profile/policy_lines.c src/profile/policy_lines.h \
	src/profile/profile.h \
	src/profile/read.c src/profile/reading.h \
	src/profile/recorded.c src/profile/recorded.h \
	src/profile/root_file.c \
	src/profile/roots.c src/profile/roots.h \
	src/profile/service_files.c \
	src/profile/service_section.c \
	src/profile/source.c src/profile/source.h \
	src/profile/system.c
# What other programs keep.
CLIENTS = \
	src/clients/connections.c src/clients/connections.h \
	src/clients/dbeaver.c \
	src/clients/jdbc_url.c src/clients/jdbc_url.h \
	src/clients/jetbrains.c \
	src/clients/jsonc.c src/clients/jsonc.h \
	src/clients/library.c src/clients/library.h \
	src/clients/pgadmin.c \
	src/clients/pgcli.c \
	src/clients/psqlrc.c \
	src/clients/sqlite_file.c src/clients/sqlite_file.h \
	src/clients/stores.c src/clients/stores.h \
	src/clients/vscode.c \
	src/clients/xml_file.c src/clients/xml_file.h
# What an administrator does with a server.
SERVER = \
	src/server/alone.c src/server/alone.h \
	src/server/chain_rule.c src/server/chain_rule.h \
	src/server/change.c src/server/change.h \
	src/server/cipher_rule.c src/server/cipher_rule.h \
	src/server/clients.c src/server/clients.h \
	src/server/copy_plan.c src/server/copy_plan.h \
	src/server/disable.c \
	src/server/elsewhere.c src/server/elsewhere.h \
	src/server/enable.c \
	src/server/file_rule.c src/server/file_rule.h \
	src/server/hba_address.c src/server/hba_address.h \
	src/server/hba_change.c src/server/hba_change.h \
	src/server/hba_edit.c src/server/hba_edit.h \
	src/server/hba_file.c src/server/hba_file.h \
	src/server/hba_match.c src/server/hba_match.h \
	src/server/hba_record.c src/server/hba_record.h \
	src/server/hba_shown.c src/server/hba_shown.h \
	src/server/hba_source.c \
	src/server/hba_tree.c src/server/hba_tree.h \
	src/server/hba_view.c src/server/hba_view.h \
	src/server/hosts_file.c src/server/hosts_file.h \
	src/server/left.c src/server/left.h \
	src/server/pair_rule.c src/server/pair_rule.h \
	src/server/other_way.c src/server/other_way.h \
	src/server/own_postgres.c src/server/own_postgres.h \
	src/server/place.c src/server/place.h \
	src/server/plan.c src/server/plan.h \
	src/server/record.c src/server/record.h \
	src/server/require.c src/server/require.h \
	src/server/require_proof.c \
	src/server/require_sessions.c \
	src/server/require_shut_out.c src/server/require_wider.c \
	src/server/client_boxes.c src/server/client_boxes.h \
	src/server/client_kinds.c src/server/client_kinds.h src/server/client_kinds_of.c \
	src/server/require_sql.c src/server/require_sql.h \
	src/server/require_sql_record.c src/server/require_sql_record.h \
	src/server/require_undo.c src/server/require_undo.h \
	src/server/require_world.c src/server/require_world.h \
	src/server/servers_file.c src/server/servers_file.h \
	src/server/service_login.c src/server/service_login.h \
	src/server/service_pair.c src/server/service_pair.h \
	src/server/settings.c src/server/settings.h \
	src/server/spoken.c src/server/spoken.h \
	src/server/sql_file.c src/server/sql_file.h \
	src/server/start.c src/server/start.h \
	src/server/stopped.c src/server/stopped.h \
	src/server/target.c src/server/target.h \
	src/server/typed.c src/server/typed.h \
	src/server/undo.c \
	src/server/unloaded.c src/server/unloaded.h
# The way back.
UNINSTALL = \
	src/uninstall/anchors.c \
	src/uninstall/certs.c \
	src/uninstall/crls.c \
	src/uninstall/do.c \
	src/uninstall/gate.c \
	src/uninstall/hardened.c \
	src/uninstall/leftovers.c \
	src/uninstall/own_files.c \
	src/uninstall/plan.c src/uninstall/plan.h \
	src/uninstall/profiles.c \
	src/uninstall/root_crt.c \
	src/uninstall/services.c \
	src/uninstall/timer.c \
	src/uninstall/trimmed.c
DIAGNOSE = \
	src/diagnose/accepted.c src/diagnose/accepted.h \
	src/diagnose/accepting.c \
	src/diagnose/anchor_findings.c src/diagnose/anchor_findings.h \
	src/diagnose/audit_log.c src/diagnose/audit_log.h \
	src/diagnose/audit_log_sources.c \
	src/diagnose/coverage.c src/diagnose/coverage.h \
	src/diagnose/crl_findings.c src/diagnose/crl_findings.h \
	src/diagnose/doctor.c src/diagnose/doctor.h \
	src/diagnose/doctor_checks.h \
	src/diagnose/doctor_anchors.c \
	src/diagnose/doctor_entries.c src/diagnose/doctor_entries.h \
	src/diagnose/doctor_environment.c \
	src/diagnose/doctor_files.c \
	src/diagnose/doctor_passfile.c \
	src/diagnose/doctor_paths.c src/diagnose/doctor_paths.h \
	src/diagnose/doctor_certs.c \
	src/diagnose/doctor_clients.c \
	src/diagnose/doctor_clock.c \
	src/diagnose/doctor_container.c \
	src/diagnose/doctor_home.c \
	src/diagnose/doctor_local_ca.c \
	src/diagnose/doctor_libpq.c \
	src/diagnose/doctor_preload.c \
	src/diagnose/doctor_sandboxes.c \
	src/diagnose/doctor_servers.c \
	src/diagnose/doctor_services.c \
	src/diagnose/doctor_start_files.c \
	src/diagnose/doctor_status.c \
	src/diagnose/doctor_table.c \
	src/diagnose/doctor_upkeep.c \
	src/diagnose/enable_checks.c src/diagnose/enable_checks.h \
	src/diagnose/ends.c src/diagnose/ends.h \
	src/diagnose/files_run.c src/diagnose/files_run.h \
	src/diagnose/forecast.c src/diagnose/forecast.h \
	src/diagnose/forecast_server.c src/diagnose/forecast_server.h \
	src/diagnose/going_roots.c src/diagnose/going_roots.h \
	src/diagnose/libpq_file.c src/diagnose/libpq_file.h \
	src/diagnose/log_begins.c src/diagnose/log_begins.h \
	src/diagnose/notice_findings.c src/diagnose/notice_findings.h \
	src/diagnose/overview.c src/diagnose/overview.h \
	src/diagnose/quiet_libpq.c src/diagnose/quiet_libpq.h \
	src/diagnose/processes.c src/diagnose/processes.h \
	src/diagnose/quiet.c src/diagnose/quiet.h \
	src/diagnose/root_changes.c src/diagnose/root_changes.h \
	src/diagnose/refresh_notices.c src/diagnose/refresh_notices.h \
	src/diagnose/rotated.c src/diagnose/rotated.h \
	src/diagnose/status.c src/diagnose/status.h \
	src/diagnose/variables.c src/diagnose/variables.h

# What is seen of servers by who may log in to them.
AUDIT = \
	src/audit/address.c src/audit/address.h \
	src/audit/audit.c src/audit/audit.h \
	src/audit/ciphers.c src/audit/ciphers.h \
	src/audit/collect.c src/audit/collect.h \
	src/audit/collect_callers.c \
	src/audit/collect_dblink.c \
	src/audit/collect_files.c \
	src/audit/collect_outward.c \
	src/audit/collect_overrides.c \
	src/audit/collect_rules.c \
	src/audit/collect_server.c \
	src/audit/collect_sessions.c \
	src/audit/connect.c src/audit/connect.h \
	src/audit/dblink_calls.c src/audit/dblink_calls.h \
	src/audit/html.c src/audit/html.h \
	src/audit/html_tables.c src/audit/html_tables.h \
	src/audit/judge.h \
	src/audit/judge_certificate.c \
	src/audit/judge_connections.c \
	src/audit/judge_outward.c \
	src/audit/judge_rules.c \
	src/audit/judge_server.c \
	src/audit/judge_sessions.c \
	src/audit/mask.c src/audit/mask.h \
	src/audit/pgbouncer.c src/audit/pgbouncer.h \
	src/audit/pgbouncer_clients.c \
	src/audit/pgbouncer_database.c src/audit/pgbouncer_database.h \
	src/audit/pgbouncer_file.c src/audit/pgbouncer_file.h \
	src/audit/pgbouncer_judge.c \
	src/audit/pgbouncer_rules.c \
	src/audit/pgbouncer_servers.c \
	src/audit/pgbouncer_settings.c src/audit/pgbouncer_settings.h \
	src/audit/run.c \
	src/audit/sarif.c src/audit/sarif.h \
	src/audit/terminate.c \
	src/audit/there.c src/audit/there.h

PARTS = $(BASE) $(POLICY) $(TOOL_BASE) $(TOOL_POLICY) $(TLS) $(CA) $(ANCHOR) $(SERVICE) $(PASSWORD) $(CERT) $(PRELOAD) $(REPORT) $(PROBE) $(AUDIT) $(PROFILE) $(CLIENTS) $(UNINSTALL) $(SERVER) $(DIAGNOSE)

# The commands, without main().
CLI = \
	src/cli/adding.c src/cli/adding.h \
	src/cli/adding_all.c \
	src/cli/adding_choice.c \
	src/cli/adding_host.c \
	src/cli/adding_options.h \
	src/cli/adding_sources.c \
	src/cli/anchor_losses.c src/cli/anchor_losses.h \
	src/cli/anchor_view.c src/cli/anchor_view.h \
	src/cli/anchor_view_json.c \
	src/cli/audit_terminate.c src/cli/audit_terminate.h \
	src/cli/bootstrap_copy.c src/cli/bootstrap_copy.h \
	src/cli/bootstrap_existing.c src/cli/bootstrap_existing.h \
	src/cli/bootstrap_known.c src/cli/bootstrap_known.h \
	src/cli/bootstrap_services.c src/cli/bootstrap_services.h \
	src/cli/bootstrap_timer.c src/cli/bootstrap_timer.h \
	src/cli/bootstrap_warnings.c src/cli/bootstrap_warnings.h \
	src/cli/cli.h \
	src/cli/cmd_anchor.c src/cli/cmd_anchor.h \
	src/cli/cmd_anchor_accept.c \
	src/cli/cmd_anchor_add.c \
	src/cli/cmd_anchor_forget.c \
	src/cli/cmd_anchor_export.c \
	src/cli/cmd_anchor_import.c \
	src/cli/cmd_anchor_list.c \
	src/cli/cmd_anchor_remove.c \
	src/cli/cmd_anchor_rename.c \
	src/cli/cmd_anchor_set_hosts.c \
	src/cli/cmd_anchor_show.c \
	src/cli/cmd_anchor_refresh.c \
	src/cli/cmd_anchor_trim.c \
	src/cli/cmd_anchor_timer.c \
	src/cli/cmd_anchor_verify.c \
	src/cli/cmd_audit.c \
	src/cli/cmd_bootstrap.c \
	src/cli/cert_json.c \
	src/cli/cert_reload_options.h \
	src/cli/cmd_ca.c src/cli/cmd_ca.h \
	src/cli/cmd_ca_local.c \
	src/cli/cmd_ca_local_create.c \
	src/cli/cmd_ca_local_issue.c \
	src/cli/cmd_ca_local_remove.c \
	src/cli/cmd_ca_local_serve.c \
	src/cli/cmd_ca_local_undo.c \
	src/cli/cmd_cert.c src/cli/cmd_cert.h \
	src/cli/cmd_cert_add.c \
	src/cli/cmd_cert_forget.c \
	src/cli/cmd_cert_inspect.c \
	src/cli/cmd_cert_issue.c \
	src/cli/cmd_cert_renew.c \
	src/cli/cmd_cert_revoke.c \
	src/cli/cmd_cert_status.c \
	src/cli/cmd_cert_timer.c \
	src/cli/cmd_completion.c \
	src/cli/cmd_crl.c src/cli/cmd_crl.h \
	src/cli/cmd_crl_add.c \
	src/cli/cmd_crl_list.c \
	src/cli/cmd_crl_refresh.c \
	src/cli/cmd_crl_remove.c \
	src/cli/cmd_doctor.c src/cli/cmd_doctor.h \
	src/cli/doctor_accept.c \
	src/cli/doctor_fix.c \
	src/cli/cmd_enable.c \
	src/cli/cmd_explain.c \
	src/cli/cmd_forecast.c \
	src/cli/cmd_log.c \
	src/cli/cmd_onboard.c \
	src/cli/cmd_password.c src/cli/cmd_password.h \
	src/cli/cmd_password_clear.c \
	src/cli/cmd_password_get.c \
	src/cli/cmd_password_import.c \
	src/cli/cmd_password_list.c \
	src/cli/cmd_password_set.c \
	src/cli/cmd_probe.c \
	src/cli/cmd_profile.c \
	src/cli/cmd_run.c \
	src/cli/cmd_server.c src/cli/cmd_server.h \
	src/cli/cmd_server_disable_tls.c \
	src/cli/cmd_server_enable_tls.c \
	src/cli/cmd_server_require_tls.c \
	src/cli/cmd_server_undo.c \
	src/cli/cmd_service.c src/cli/cmd_service.h \
	src/cli/cmd_service_add.c \
	src/cli/cmd_service_harden.c \
	src/cli/cmd_service_list.c \
	src/cli/cmd_service_remove.c \
	src/cli/cmd_service_show.c \
	src/cli/cmd_status.c \
	src/cli/cmd_uninstall.c \
	src/cli/commands.c src/cli/commands.h \
	src/cli/completion.c src/cli/completion.h \
	src/cli/conninfo_word.c src/cli/conninfo_word.h \
	src/cli/consent.c src/cli/consent.h \
	src/cli/enable_prepare.c src/cli/enable_prepare.h \
	src/cli/harden_questions.c src/cli/harden_questions.h \
	src/cli/hidden_answer.c src/cli/hidden_answer.h \
	src/cli/issue_acme.c \
	src/cli/issue_files.c src/cli/issue_files.h \
	src/cli/issue_write.c \
	src/cli/issuing.h src/cli/local_pair_options.h src/cli/print_issue.c \
	src/cli/onboard_passwords.c src/cli/onboarding.h \
	src/cli/onboard_servers.c \
	src/cli/options.c src/cli/options.h \
	src/cli/options_help.c src/cli/options_help.h \
	src/cli/print_anchor_list.c src/cli/print_anchor_list.h \
	src/cli/print_audit.c src/cli/print_audit.h \
	src/cli/print_audit_json.c \
	src/cli/print_bootstrap.c src/cli/print_bootstrap.h \
	src/cli/print_doctor.c src/cli/print_doctor.h \
	src/cli/print_enable.c src/cli/print_enable.h \
	src/cli/print_calendar.c \
	src/cli/print_copy.c src/cli/print_copy.h \
	src/cli/print_fleet.c src/cli/print_fleet.h \
	src/cli/print_findings.c src/cli/print_findings.h \
	src/cli/print_forecast.c src/cli/print_forecast.h \
	src/cli/print_harden.c src/cli/print_harden.h \
	src/cli/print_log.c src/cli/print_log.h \
	src/cli/print_onboard.c src/cli/print_onboard.h \
	src/cli/print_onboard_json.c \
	src/cli/print_probe.c src/cli/print_probe.h \
	src/cli/print_probe_json.c \
	src/cli/print_probe_many.c src/cli/print_probe_many.h \
	src/cli/print_overview.c src/cli/print_overview.h \
	src/cli/print_processes.c src/cli/print_processes.h \
	src/cli/print_profile.c src/cli/print_profile.h \
	src/cli/probe_fleet.c \
	src/cli/probe_listen.c \
	src/cli/probe_many.c src/cli/probe_many.h \
	src/cli/print_refresh.c src/cli/print_refresh.h \
	src/cli/print_require_tls.c src/cli/print_require_tls.h \
	src/cli/print_server_next.c src/cli/print_server_next.h \
	src/cli/print_server_nothing.c src/cli/print_server_nothing.h \
	src/cli/print_service_add.c src/cli/print_service_add.h \
	src/cli/print_service_list.c src/cli/print_service_list.h \
	src/cli/print_status.c src/cli/print_status.h \
	src/cli/print_uninstall.c src/cli/print_uninstall.h \
	src/cli/print_unpinned.c src/cli/print_unpinned.h \
	src/cli/profile_options.h \
	src/cli/service_bundle.c src/cli/service_bundle.h \
	src/cli/service_check.c src/cli/service_check.h \
	src/cli/provisioner_password.c src/cli/provisioner_password.h \
	src/cli/question.c src/cli/question.h \
	src/cli/sources.h \
	src/cli/step_habits.c src/cli/step_habits.h \
	src/cli/time_limit.c src/cli/time_limit.h \
	src/cli/usage.c src/cli/usage.h

# The manual pages: of the gate and its policy, and of the tool.
MANUALS = man/libpganchor.3 man/pganchor-policy.5
TOOL_MANUALS = \
	man/pganchor-anchor.1 \
	man/pganchor-audit.1 \
	man/pganchor-bootstrap.1 \
	man/pganchor-ca.1 \
	man/pganchor-cert.1 \
	man/pganchor-completion.1 \
	man/pganchor-crl.1 \
	man/pganchor-disable.1 \
	man/pganchor-doctor.1 \
	man/pganchor-enable.1 \
	man/pganchor-explain.1 \
	man/pganchor-forecast.1 \
	man/pganchor-log.1 \
	man/pganchor-onboard.1 \
	man/pganchor-password.1 \
	man/pganchor-probe.1 \
	man/pganchor-profile.1 \
	man/pganchor-profile.5 \
	man/pganchor-run.1 \
	man/pganchor-server.1 \
	man/pganchor-service.1 \
	man/pganchor-status.1 \
	man/pganchor-uninstall.1 \
	man/pganchor.1 \
	man/pganchor-findings.7
