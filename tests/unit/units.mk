# The units, with cmocka. Everything else is tested through the installed program, by tests/run.sh.
if HAVE_CMOCKA
check_PROGRAMS = \
	tests/unit/test_acting \
	tests/unit/test_acting_as \
	tests/unit/test_anchor_text \
	tests/unit/test_anchored \
	tests/unit/test_anchors \
	tests/unit/test_anchors_refused \
	tests/unit/test_api \
	tests/unit/test_append \
	tests/unit/test_ask \
	tests/unit/test_attributes \
	tests/unit/test_audit_html \
	tests/unit/test_audit_log \
	tests/unit/test_binary \
	tests/unit/test_block \
	tests/unit/test_bootstrap_existing \
	tests/unit/test_bootstrap_known \
	tests/unit/test_bootstrap_services \
	tests/unit/test_bootstrap_warnings \
	tests/unit/test_call \
	tests/unit/test_caller \
	tests/unit/test_certificate \
	tests/unit/test_changes \
	tests/unit/test_check \
	tests/unit/test_choose_anchor \
	tests/unit/test_chroot \
	tests/unit/test_cleanup \
	tests/unit/test_cmd_disable \
	tests/unit/test_cmd_enable \
	tests/unit/test_cmd_explain \
	tests/unit/test_cmd_log \
	tests/unit/test_cmd_run \
	tests/unit/test_cmd_service \
	tests/unit/test_cmd_service_add \
	tests/unit/test_cmd_service_list \
	tests/unit/test_cmd_service_show \
	tests/unit/test_cmd_status \
	tests/unit/test_command_lines \
	tests/unit/test_completion \
	tests/unit/test_compose \
	tests/unit/test_connect \
	tests/unit/test_connect_poll \
	tests/unit/test_consent \
	tests/unit/test_coverage \
	tests/unit/test_cut \
	tests/unit/test_daemons \
	tests/unit/test_directory \
	tests/unit/test_dl \
	tests/unit/test_dl_wrappers \
	tests/unit/test_dl_wrappers_open \
	tests/unit/test_dropin \
	tests/unit/test_edit_calls \
	tests/unit/test_edit_lock \
	tests/unit/test_effective \
	tests/unit/test_elf \
	tests/unit/test_elf_got \
	tests/unit/test_enable \
	tests/unit/test_enable_checks \
	tests/unit/test_enable_checks_all \
	tests/unit/test_enable_fails \
	tests/unit/test_enable_machine \
	tests/unit/test_enable_files \
	tests/unit/test_existing_alone \
	tests/unit/test_explain \
	tests/unit/test_file \
	tests/unit/test_file_identity \
	tests/unit/test_gate_audit_log \
	tests/unit/test_finding \
	tests/unit/test_gate_lock \
	tests/unit/test_gate_parts \
	tests/unit/test_got \
	tests/unit/test_got_linker \
	tests/unit/test_guess \
	tests/unit/test_handshake \
	tests/unit/test_home \
	tests/unit/test_home_text \
	tests/unit/test_hba \
	tests/unit/test_hosts_file \
	tests/unit/test_host \
	tests/unit/test_hostlist \
	tests/unit/test_http \
	tests/unit/test_http_chain \
	tests/unit/test_http_setup \
	tests/unit/test_image \
	tests/unit/test_imports \
	tests/unit/test_ini \
	tests/unit/test_html \
	tests/unit/test_json \
	tests/unit/test_known \
	tests/unit/test_known_servers \
	tests/unit/test_late_errors \
	tests/unit/test_linked \
	tests/unit/test_log_files \
	tests/unit/test_log_journal \
	tests/unit/test_lookup \
	tests/unit/test_many \
	tests/unit/test_memory \
	tests/unit/test_memory_file \
	tests/unit/test_module \
	tests/unit/test_notice \
	tests/unit/test_options \
	tests/unit/test_origin \
	tests/unit/test_own_libpq \
	tests/unit/test_ownership \
	tests/unit/test_passfile \
	tests/unit/test_passwords \
	tests/unit/test_path \
	tests/unit/test_paths \
	tests/unit/test_peer \
	tests/unit/test_pin_pairs \
	tests/unit/test_pins \
	tests/unit/test_pins_copy \
	tests/unit/test_pins_file \
	tests/unit/test_policy \
	tests/unit/test_print_bootstrap \
	tests/unit/test_print_processes \
	tests/unit/test_print_service_add \
	tests/unit/test_print_unpinned \
	tests/unit/test_printable \
	tests/unit/test_processes \
	tests/unit/test_processes_files \
	tests/unit/test_program \
	tests/unit/test_program_gate \
	tests/unit/test_proof \
	tests/unit/test_proof_files \
	tests/unit/test_proxy \
	tests/unit/test_record \
	tests/unit/test_refusal \
	tests/unit/test_rewrite \
	tests/unit/test_root_crt \
	tests/unit/test_root_rules \
	tests/unit/test_roots \
	tests/unit/test_rules \
	tests/unit/test_rules_effect \
	tests/unit/test_sarif \
	tests/unit/test_secrets \
	tests/unit/test_service_add_warnings \
	tests/unit/test_service_change \
	tests/unit/test_service_check \
	tests/unit/test_service_entries \
	tests/unit/test_service_refused \
	tests/unit/test_service_text \
	tests/unit/test_service_write \
	tests/unit/test_session \
	tests/unit/test_session_marks \
	tests/unit/test_shown \
	tests/unit/test_source \
	tests/unit/test_staged \
	tests/unit/test_status \
	tests/unit/test_stepca \
	tests/unit/test_subprocess \
	tests/unit/test_subprocess_run \
	tests/unit/test_table \
	tests/unit/test_terminal \
	tests/unit/test_text \
	tests/unit/test_tls_write \
	tests/unit/test_transaction \
	tests/unit/test_twins \
	tests/unit/test_unit_settings \
	tests/unit/test_url \
	tests/unit/test_userfile \
	tests/unit/test_verdict \
	tests/unit/test_verification \
	tests/unit/test_walks \
	tests/unit/test_walks_turns \
	tests/unit/test_words
# What they test is compiled for them once: a library, of which each takes what it asks for.
check_LIBRARIES = tests/unit/libunits.a
TESTS = $(check_PROGRAMS)
endif
UNIT_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_libunits_a_SOURCES = $(PARTS) $(CLI)
tests_unit_libunits_a_CPPFLAGS = $(pganchor_CPPFLAGS)
WRAP_MEMORY = -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=reallocarray,--wrap=strdup,--wrap=strndup
UNITS_CPPFLAGS = $(pganchor_CPPFLAGS) $(CMOCKA_CFLAGS)
UNITS_LDADD = tests/unit/libunits.a $(CMOCKA_LIBS) $(pganchor_LDADD)
tests_unit_test_root_rules_SOURCES = tests/unit/cmocka_start.h tests/unit/certificates.h tests/unit/failing.h tests/unit/test_root_rules.c
tests_unit_test_root_rules_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_root_rules_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY)
tests_unit_test_root_rules_LDADD = $(UNITS_LDADD)
tests_unit_test_certificate_SOURCES = tests/unit/cmocka_start.h tests/unit/certificates.h tests/unit/failing.h tests/unit/test_certificate.c
tests_unit_test_certificate_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_certificate_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY)
tests_unit_test_certificate_LDADD = $(UNITS_LDADD)
tests_unit_test_anchors_SOURCES = tests/unit/cmocka_start.h tests/unit/certificates.h tests/unit/failing.h tests/unit/directory.h tests/unit/installed_anchors.h tests/unit/test_anchors.c
tests_unit_test_anchors_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_anchors_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY)
tests_unit_test_anchors_LDADD = $(UNITS_LDADD)
tests_unit_test_anchors_refused_SOURCES = tests/unit/cmocka_start.h tests/unit/certificates.h tests/unit/failing.h tests/unit/directory.h tests/unit/installed_anchors.h tests/unit/test_anchors_refused.c
tests_unit_test_anchors_refused_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_anchors_refused_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) -Wl,--wrap=pga_anchors_conf_set
tests_unit_test_anchors_refused_LDADD = $(UNITS_LDADD)
tests_unit_test_root_crt_SOURCES = tests/unit/cmocka_start.h tests/unit/certificates.h tests/unit/failing.h tests/unit/directory.h tests/unit/test_root_crt.c
tests_unit_test_root_crt_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_root_crt_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY)
tests_unit_test_root_crt_LDADD = $(UNITS_LDADD)
tests_unit_test_service_entries_SOURCES = tests/unit/cmocka_start.h tests/unit/certificates.h tests/unit/failing.h tests/unit/directory.h tests/unit/default_policy.h tests/unit/service_home.h \
	tests/unit/test_service_entries.c
tests_unit_test_service_entries_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_service_entries_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY)
tests_unit_test_service_entries_LDADD = $(UNITS_LDADD)
tests_unit_test_service_write_SOURCES = tests/unit/cmocka_start.h tests/unit/certificates.h tests/unit/failing.h tests/unit/directory.h tests/unit/default_policy.h tests/unit/service_home.h \
	tests/unit/test_service_write.c
tests_unit_test_service_write_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_service_write_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY)
tests_unit_test_service_write_LDADD = $(UNITS_LDADD)
tests_unit_test_service_change_SOURCES = tests/unit/cmocka_start.h tests/unit/certificates.h tests/unit/failing.h tests/unit/directory.h tests/unit/default_policy.h tests/unit/service_home.h \
	tests/unit/test_service_change.c
tests_unit_test_service_change_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_service_change_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY)
tests_unit_test_service_change_LDADD = $(UNITS_LDADD)
tests_unit_test_anchored_SOURCES = tests/unit/cmocka_start.h tests/unit/certificates.h tests/unit/failing.h tests/unit/directory.h tests/unit/service_home.h tests/unit/default_policy.h tests/unit/settings.h tests/unit/test_anchored.c
tests_unit_test_anchored_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_anchored_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY)
tests_unit_test_anchored_LDADD = $(UNITS_LDADD)
tests_unit_test_compose_SOURCES = tests/unit/cmocka_start.h tests/unit/certificates.h tests/unit/failing.h tests/unit/directory.h tests/unit/default_policy.h tests/unit/service_home.h tests/unit/test_compose.c
tests_unit_test_compose_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_compose_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY)
tests_unit_test_compose_LDADD = $(UNITS_LDADD)
tests_unit_test_ask_SOURCES = tests/unit/cmocka_start.h tests/unit/failing.h tests/unit/played_libpq.h tests/unit/default_policy.h tests/unit/settings.h tests/unit/test_ask.c
tests_unit_test_ask_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_ask_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) -Wl,--wrap=getaddrinfo,--wrap=freeaddrinfo
tests_unit_test_ask_LDADD = $(UNITS_LDADD)
tests_unit_test_twins_SOURCES = tests/unit/cmocka_start.h tests/unit/certificates.h tests/unit/failing.h tests/unit/test_twins.c
tests_unit_test_twins_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_twins_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY)
tests_unit_test_twins_LDADD = $(UNITS_LDADD)
tests_unit_test_service_refused_SOURCES = tests/unit/cmocka_start.h tests/unit/certificates.h tests/unit/failing.h tests/unit/directory.h tests/unit/default_policy.h tests/unit/service_home.h tests/unit/test_service_refused.c
tests_unit_test_service_refused_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_service_refused_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY)
tests_unit_test_service_refused_LDADD = $(UNITS_LDADD)
tests_unit_test_roots_SOURCES = tests/unit/cmocka_start.h tests/unit/certificates.h tests/unit/failing.h tests/unit/directory.h tests/unit/service_home.h tests/unit/default_policy.h tests/unit/settings.h tests/unit/test_roots.c
tests_unit_test_roots_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_roots_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY)
tests_unit_test_roots_LDADD = $(UNITS_LDADD)
tests_unit_test_verification_SOURCES = tests/unit/cmocka_start.h tests/unit/certificates.h tests/unit/test_verification.c
tests_unit_test_verification_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_verification_LDADD = $(UNITS_LDADD)
tests_unit_test_http_SOURCES = tests/unit/cmocka_start.h tests/unit/certificates.h tests/unit/failing.h tests/unit/tls_server.h tests/unit/asked_server.h tests/unit/test_http.c
tests_unit_test_http_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_http_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY)
tests_unit_test_http_LDADD = $(UNITS_LDADD)
tests_unit_test_stepca_SOURCES = tests/unit/cmocka_start.h tests/unit/certificates.h tests/unit/failing.h tests/unit/tls_server.h tests/unit/asked_server.h tests/unit/test_stepca.c
tests_unit_test_stepca_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_stepca_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY)
tests_unit_test_stepca_LDADD = $(UNITS_LDADD)
tests_unit_test_proxy_SOURCES = tests/unit/cmocka_start.h tests/unit/test_proxy.c
tests_unit_test_proxy_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_proxy_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=curl_easy_getinfo,--wrap=curl_url,--wrap=curl_url_cleanup
tests_unit_test_proxy_LDADD = $(UNITS_LDADD)
tests_unit_test_url_SOURCES = tests/unit/cmocka_start.h tests/unit/failing.h tests/unit/test_url.c
tests_unit_test_url_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_url_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) -Wl,--wrap=curl_url,--wrap=curl_url_set,--wrap=curl_url_get,--wrap=newlocale
tests_unit_test_url_LDADD = $(UNITS_LDADD)
tests_unit_test_handshake_SOURCES = tests/unit/cmocka_start.h tests/unit/test_handshake.c
tests_unit_test_handshake_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_handshake_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=PQconnectStartParams,--wrap=PQstatus,--wrap=PQsslInUse,--wrap=PQconnectPoll,--wrap=PQsocket,--wrap=PQerrorMessage \
	-Wl,--wrap=PQfinish,--wrap=PQsslStruct,--wrap=poll,--wrap=clock_gettime,--wrap=pga_linked_libpq_knows \
	-Wl,--wrap=pga_verification_watch,--wrap=pga_verification_unwatch,--wrap=pga_verification_reason
tests_unit_test_handshake_LDADD = $(UNITS_LDADD)
tests_unit_test_http_setup_SOURCES = tests/unit/cmocka_start.h tests/unit/certificates.h tests/unit/failing.h tests/unit/played_curl.h tests/unit/test_http_setup.c
tests_unit_test_http_setup_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_http_setup_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) \
	-Wl,--wrap=curl_global_init,--wrap=curl_global_cleanup \
	-Wl,--wrap=curl_easy_init,--wrap=curl_easy_cleanup,--wrap=curl_easy_setopt,--wrap=curl_easy_perform,--wrap=curl_easy_getinfo \
	-Wl,--wrap=curl_version_info
tests_unit_test_http_setup_LDADD = $(UNITS_LDADD)
tests_unit_test_http_chain_SOURCES = tests/unit/cmocka_start.h tests/unit/certificates.h tests/unit/failing.h tests/unit/played_curl.h tests/unit/test_http_chain.c
tests_unit_test_http_chain_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_http_chain_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) \
	-Wl,--wrap=curl_global_init,--wrap=curl_global_cleanup \
	-Wl,--wrap=curl_easy_init,--wrap=curl_easy_cleanup,--wrap=curl_easy_setopt,--wrap=curl_easy_perform,--wrap=curl_easy_getinfo \
	-Wl,--wrap=curl_version_info,--wrap=SSL_CTX_set_cert_verify_callback,--wrap=X509_chain_up_ref
tests_unit_test_http_chain_LDADD = $(UNITS_LDADD)
tests_unit_test_hostlist_SOURCES = tests/unit/cmocka_start.h tests/unit/failing.h tests/unit/test_hostlist.c
tests_unit_test_hostlist_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_hostlist_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY)
tests_unit_test_hostlist_LDADD = $(UNITS_LDADD)
tests_unit_test_check_SOURCES = tests/unit/cmocka_start.h tests/unit/certificates.h tests/unit/failing.h tests/unit/directory.h tests/unit/tls_server.h tests/unit/test_check.c
tests_unit_test_check_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_check_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY)
tests_unit_test_check_LDADD = $(UNITS_LDADD)
tests_unit_test_proof_SOURCES = tests/unit/cmocka_start.h tests/unit/certificates.h tests/unit/failing.h tests/unit/directory.h tests/unit/tried_roots.h tests/unit/test_proof.c
tests_unit_test_proof_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_proof_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) -Wl,--wrap=memfd_create,--wrap=write \
	-Wl,--wrap=SSL_CTX_new,--wrap=X509_STORE_new,--wrap=X509_STORE_CTX_new,--wrap=X509_STORE_CTX_init
tests_unit_test_proof_LDADD = $(UNITS_LDADD)
tests_unit_test_proof_files_SOURCES = tests/unit/cmocka_start.h tests/unit/certificates.h tests/unit/failing.h tests/unit/directory.h tests/unit/tried_roots.h tests/unit/test_proof_files.c
tests_unit_test_proof_files_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_proof_files_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) -Wl,--wrap=memfd_create,--wrap=write
tests_unit_test_proof_files_LDADD = $(UNITS_LDADD)
tests_unit_test_anchor_text_SOURCES = tests/unit/cmocka_start.h tests/unit/test_anchor_text.c
tests_unit_test_anchor_text_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_anchor_text_LDADD = $(UNITS_LDADD)
tests_unit_test_service_text_SOURCES = tests/unit/cmocka_start.h tests/unit/test_service_text.c
tests_unit_test_service_text_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_service_text_LDADD = $(UNITS_LDADD)
tests_unit_test_choose_anchor_SOURCES = tests/unit/cmocka_start.h tests/unit/test_choose_anchor.c
tests_unit_test_choose_anchor_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_choose_anchor_LDADD = $(UNITS_LDADD)
tests_unit_test_file_SOURCES = tests/unit/cmocka_start.h tests/unit/directory.h tests/unit/test_file.c
tests_unit_test_file_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_file_LDADD = $(UNITS_LDADD)
tests_unit_test_host_SOURCES = tests/unit/cmocka_start.h tests/unit/test_host.c
tests_unit_test_host_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_host_LDADD = $(UNITS_LDADD)
tests_unit_test_hba_SOURCES = tests/unit/cmocka_start.h tests/unit/test_hba.c
tests_unit_test_hba_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_hba_LDADD = $(UNITS_LDADD)
tests_unit_test_hosts_file_SOURCES = tests/unit/cmocka_start.h tests/unit/test_hosts_file.c
tests_unit_test_hosts_file_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_hosts_file_LDADD = $(UNITS_LDADD)
tests_unit_test_ini_SOURCES = tests/unit/cmocka_start.h tests/unit/test_ini.c
tests_unit_test_ini_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_ini_LDADD = $(UNITS_LDADD)
tests_unit_test_pins_SOURCES = tests/unit/cmocka_start.h tests/unit/test_pins.c
tests_unit_test_pins_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_pins_LDADD = $(UNITS_LDADD)
tests_unit_test_pins_copy_SOURCES = tests/unit/cmocka_start.h tests/unit/failing.h tests/unit/test_pins_copy.c
tests_unit_test_pins_copy_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_pins_copy_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY)
tests_unit_test_pins_copy_LDADD = $(UNITS_LDADD)
tests_unit_test_rewrite_SOURCES = tests/unit/cmocka_start.h tests/unit/failing.h tests/unit/test_rewrite.c
tests_unit_test_rewrite_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_rewrite_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY)
tests_unit_test_rewrite_LDADD = $(UNITS_LDADD)
tests_unit_test_subprocess_SOURCES = $(FAILING_CALLS) tests/unit/cmocka_start.h tests/unit/test_subprocess.c
tests_unit_test_subprocess_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_subprocess_LDFLAGS = $(AM_LDFLAGS) $(FAILING_WRAPS)
tests_unit_test_subprocess_LDADD = $(UNITS_LDADD)
tests_unit_test_unit_settings_SOURCES = tests/unit/cmocka_start.h tests/unit/directory.h tests/unit/test_unit_settings.c
tests_unit_test_unit_settings_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_unit_settings_LDADD = $(UNITS_LDADD)
tests_unit_test_guess_SOURCES = tests/unit/cmocka_start.h tests/unit/test_guess.c
tests_unit_test_guess_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_guess_LDADD = $(UNITS_LDADD)
tests_unit_test_transaction_SOURCES = tests/unit/cmocka_start.h tests/unit/directory.h tests/unit/test_transaction.c
tests_unit_test_transaction_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_transaction_LDADD = $(UNITS_LDADD)
tests_unit_test_text_SOURCES = tests/unit/cmocka_start.h tests/unit/test_text.c
tests_unit_test_text_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_text_LDADD = $(UNITS_LDADD)
tests_unit_test_unit_settings_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY)

tests_unit_test_changes_SOURCES = tests/unit/cmocka_start.h tests/unit/test_changes.c
tests_unit_test_changes_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_changes_LDADD = $(UNITS_LDADD)

# Allocations are led to the test's.
tests_unit_test_memory_SOURCES = tests/unit/cmocka_start.h tests/unit/failing.h tests/unit/test_memory.c
tests_unit_test_memory_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_memory_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY)
tests_unit_test_memory_LDADD = $(UNITS_LDADD)

# So are those that make a file, and that move its bytes.
FAILING_CALLS = tests/unit/failing_calls.c tests/unit/failing_calls.h
FAILING_WRAPS = $(WRAP_MEMORY) -Wl,--wrap=getcwd \
	-Wl,--wrap=stat,--wrap=lstat,--wrap=fstat,--wrap=fstatat,--wrap=access,--wrap=readlinkat,--wrap=mkdirat,--wrap=unlinkat \
	-Wl,--wrap=renameat,--wrap=fchmod,--wrap=fchown,--wrap=futimens,--wrap=fsync,--wrap=flock,--wrap=ftruncate,--wrap=getrandom \
	-Wl,--wrap=fgetxattr,--wrap=flistxattr,--wrap=fsetxattr,--wrap=fremovexattr,--wrap=pipe2,--wrap=dup2,--wrap=setenv \
	-Wl,--wrap=read,--wrap=write,--wrap=pwrite,--wrap=close,--wrap=memfd_create,--wrap=open,--wrap=openat,--wrap=fcntl,--wrap=clock_gettime \
	-Wl,--wrap=poll,--wrap=waitpid,--wrap=pga_act_as
tests_unit_test_late_errors_SOURCES = $(FAILING_CALLS) tests/unit/cmocka_start.h tests/unit/directory.h tests/unit/late_errors.h \
	tests/unit/tried_edits.h tests/unit/test_late_errors.c
tests_unit_test_late_errors_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_late_errors_LDFLAGS = $(AM_LDFLAGS) $(FAILING_WRAPS) -Wl,--wrap=pga_print_warning
tests_unit_test_late_errors_LDADD = $(UNITS_LDADD)
tests_unit_test_edit_calls_SOURCES = $(FAILING_CALLS) tests/unit/cmocka_start.h tests/unit/directory.h tests/unit/late_errors.h \
	tests/unit/tried_edits.h tests/unit/test_edit_calls.c
tests_unit_test_edit_calls_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_edit_calls_LDFLAGS = $(AM_LDFLAGS) $(FAILING_WRAPS)
tests_unit_test_edit_calls_LDADD = $(UNITS_LDADD)

tests_unit_test_acting_SOURCES = tests/unit/cmocka_start.h tests/unit/directory.h tests/unit/test_acting.c
tests_unit_test_acting_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_acting_LDADD = $(UNITS_LDADD)

tests_unit_test_binary_SOURCES = tests/unit/cmocka_start.h tests/unit/directory.h tests/unit/test_binary.c
tests_unit_test_binary_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_binary_LDADD = $(UNITS_LDADD)

tests_unit_test_image_SOURCES = tests/unit/cmocka_start.h tests/unit/directory.h tests/unit/test_image.c
tests_unit_test_image_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_image_LDADD = $(UNITS_LDADD)
tests_unit_test_image_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=access,--wrap=socket,--wrap=connect

tests_unit_test_audit_log_SOURCES = tests/unit/cmocka_start.h tests/unit/test_audit_log.c
tests_unit_test_audit_log_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_audit_log_LDADD = $(UNITS_LDADD)

# What of the machine is looked at is in the test's own directory (moved_root.h).
MOVED_WRAPS = -Wl,--wrap=opendir,--wrap=access,--wrap=stat,--wrap=fopen,--wrap=readlink,--wrap=scandir,--wrap=open,--wrap=fstat
LOG_SOURCES = tests/unit/cmocka_start.h tests/unit/failing.h tests/unit/directory.h tests/unit/moved_root.h tests/unit/reading_records.h
tests_unit_test_log_files_SOURCES = $(LOG_SOURCES) tests/unit/test_log_files.c
tests_unit_test_log_files_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_log_files_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) $(MOVED_WRAPS)
tests_unit_test_log_files_LDADD = $(UNITS_LDADD)
tests_unit_test_log_journal_SOURCES = $(LOG_SOURCES) tests/unit/test_log_journal.c
tests_unit_test_log_journal_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_log_journal_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) $(MOVED_WRAPS)
tests_unit_test_log_journal_LDADD = $(UNITS_LDADD)

tests_unit_test_processes_SOURCES = tests/unit/cmocka_start.h tests/unit/failing.h tests/unit/directory.h tests/unit/moved_root.h \
	tests/unit/played_processes.h tests/unit/test_processes.c
tests_unit_test_processes_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_processes_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) $(MOVED_WRAPS) -Wl,--wrap=getuid,--wrap=geteuid
tests_unit_test_processes_LDADD = $(UNITS_LDADD)
tests_unit_test_processes_files_SOURCES = tests/unit/cmocka_start.h tests/unit/failing.h tests/unit/directory.h tests/unit/moved_root.h \
	tests/unit/played_processes.h tests/unit/test_processes_files.c
tests_unit_test_processes_files_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_processes_files_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) $(MOVED_WRAPS) -Wl,--wrap=getuid,--wrap=geteuid
tests_unit_test_processes_files_LDADD = $(UNITS_LDADD)

tests_unit_test_program_SOURCES = tests/unit/cmocka_start.h tests/unit/failing.h tests/unit/directory.h tests/unit/moved_root.h \
	tests/unit/played_program.h tests/unit/test_program.c
tests_unit_test_program_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_program_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) $(MOVED_WRAPS) \
	-Wl,--wrap=getuid,--wrap=getgid,--wrap=getxattr,--wrap=statvfs
tests_unit_test_program_LDADD = $(UNITS_LDADD)
tests_unit_test_program_gate_SOURCES = tests/unit/cmocka_start.h tests/unit/failing.h tests/unit/directory.h tests/unit/moved_root.h \
	tests/unit/played_program.h tests/unit/test_program_gate.c
tests_unit_test_program_gate_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_program_gate_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) $(MOVED_WRAPS) \
	-Wl,--wrap=getuid,--wrap=getgid,--wrap=getxattr,--wrap=statvfs
tests_unit_test_program_gate_LDADD = $(UNITS_LDADD)

tests_unit_test_dropin_SOURCES = src/preload/dropin.c src/preload/dropin.h \
	tests/unit/cmocka_start.h tests/unit/failing.h tests/unit/directory.h tests/unit/test_dropin.c
tests_unit_test_dropin_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_dropin_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY)
tests_unit_test_dropin_LDADD = $(UNITS_LDADD)

tests_unit_test_module_SOURCES = src/preload/known.c src/preload/known.h src/preload/module.c src/preload/module.h \
	tests/unit/cmocka_start.h tests/unit/failing.h tests/unit/directory.h tests/unit/test_module.c
tests_unit_test_module_CPPFLAGS = $(UNIT_CPPFLAGS) -UPKGLIBDIR -DPKGLIBDIR='"/opt/lib/x86_64-linux-gnu/pganchor"'
tests_unit_test_module_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) \
	-Wl,--wrap=access,--wrap=faccessat,--wrap=stat,--wrap=readlink,--wrap=realpath,--wrap=__realpath_chk,--wrap=pga_check_ownership
tests_unit_test_module_LDADD = $(UNITS_LDADD)

# The commands, with what they ask played by the test.
PRINTING = tests/unit/cmocka_start.h tests/unit/printed.h
tests_unit_test_audit_html_SOURCES = tests/unit/cmocka_start.h tests/unit/failing.h tests/unit/sample_audit.h \
	tests/unit/test_audit_html.c
tests_unit_test_audit_html_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_audit_html_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY)
tests_unit_test_audit_html_LDADD = $(UNITS_LDADD)
tests_unit_test_html_SOURCES = tests/unit/cmocka_start.h tests/unit/failing.h tests/unit/test_html.c
tests_unit_test_html_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_html_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY)
tests_unit_test_html_LDADD = $(UNITS_LDADD)
tests_unit_test_json_SOURCES = $(PRINTING) tests/unit/failing.h tests/unit/test_json.c
tests_unit_test_json_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_json_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY)
tests_unit_test_json_LDADD = $(UNITS_LDADD)
tests_unit_test_finding_SOURCES = $(PRINTING) tests/unit/failing.h tests/unit/test_finding.c
tests_unit_test_finding_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_finding_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) -Wl,--wrap=isatty,--wrap=vasprintf,--wrap=__vasprintf_chk
tests_unit_test_finding_LDADD = $(UNITS_LDADD)
tests_unit_test_home_text_SOURCES = tests/unit/cmocka_start.h tests/unit/test_home_text.c
tests_unit_test_home_text_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_home_text_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=geteuid,--wrap=getpwuid
tests_unit_test_home_text_LDADD = $(UNITS_LDADD)
tests_unit_test_many_SOURCES = tests/unit/cmocka_start.h tests/unit/test_many.c
tests_unit_test_many_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_many_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=pthread_create
tests_unit_test_many_LDADD = $(UNITS_LDADD)
tests_unit_test_sarif_SOURCES = $(PRINTING) tests/unit/failing.h tests/unit/test_sarif.c
tests_unit_test_sarif_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_sarif_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY)
tests_unit_test_sarif_LDADD = $(UNITS_LDADD)
tests_unit_test_table_SOURCES = $(PRINTING) tests/unit/failing.h tests/unit/test_table.c
tests_unit_test_table_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_table_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) -Wl,--wrap=isatty
tests_unit_test_table_LDADD = $(UNITS_LDADD)
SERVICES = $(PRINTING) tests/unit/certificates.h tests/unit/failing.h tests/unit/directory.h tests/unit/default_policy.h tests/unit/service_home.h
PLAYED_ENTRIES = -Wl,--wrap=isatty,--wrap=pga_policy_load,--wrap=pga_pins_load,--wrap=pga_pins_free \
	-Wl,--wrap=pga_evaluate_entry,--wrap=pga_anchored_look,--wrap=pga_warn_of_unpinned,--wrap=pga_print_table
tests_unit_test_cmd_service_SOURCES = $(SERVICES) tests/unit/test_cmd_service.c
tests_unit_test_cmd_service_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_cmd_service_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) -Wl,--wrap=geteuid,--wrap=pga_policy_load,--wrap=pga_pins_load,--wrap=pga_hide_environment \
	-Wl,--wrap=pga_keep_what_is_read_once,--wrap=pga_commands_run,--wrap=pga_service_delete
tests_unit_test_cmd_service_LDADD = $(UNITS_LDADD)
tests_unit_test_cmd_service_list_SOURCES = $(SERVICES) tests/unit/played_entries.h tests/unit/test_cmd_service_list.c
tests_unit_test_cmd_service_list_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_cmd_service_list_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) $(PLAYED_ENTRIES)
tests_unit_test_cmd_service_list_LDADD = $(UNITS_LDADD)
tests_unit_test_cmd_service_show_SOURCES = $(SERVICES) tests/unit/played_entries.h tests/unit/default_policy.h tests/unit/settings.h tests/unit/test_cmd_service_show.c
tests_unit_test_cmd_service_show_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_cmd_service_show_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) $(PLAYED_ENTRIES) -Wl,--wrap=pga_evaluator_begin
tests_unit_test_cmd_service_show_LDADD = $(UNITS_LDADD)
tests_unit_test_print_service_add_SOURCES = $(PRINTING) tests/unit/failing.h tests/unit/test_print_service_add.c
tests_unit_test_print_service_add_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_print_service_add_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY)
tests_unit_test_print_service_add_LDADD = $(UNITS_LDADD)
tests_unit_test_cmd_service_add_SOURCES = $(SERVICES) tests/unit/played_addition.h tests/unit/test_cmd_service_add.c
tests_unit_test_cmd_service_add_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_cmd_service_add_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) -Wl,--wrap=geteuid,--wrap=pga_hosts_to_ascii,--wrap=pga_policy_load \
	-Wl,--wrap=pga_pins_load,--wrap=pga_compose,--wrap=pga_tell_unpinned,--wrap=pga_bring_environment_back,--wrap=pga_hide_environment_again \
	-Wl,--wrap=pga_evaluate_here,--wrap=pga_surroundings_tell,--wrap=pga_addition_check,--wrap=pga_service_write,--wrap=pga_addition_refused \
	-Wl,--wrap=pga_addition_json,--wrap=pga_addition_written
tests_unit_test_cmd_service_add_LDADD = $(UNITS_LDADD)
tests_unit_test_service_add_warnings_SOURCES = $(SERVICES) tests/unit/played_addition.h tests/unit/test_service_add_warnings.c
tests_unit_test_service_add_warnings_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_service_add_warnings_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) -Wl,--wrap=geteuid,--wrap=pga_hosts_to_ascii,--wrap=pga_policy_load \
	-Wl,--wrap=pga_pins_load,--wrap=pga_compose,--wrap=pga_tell_unpinned,--wrap=pga_bring_environment_back,--wrap=pga_hide_environment_again \
	-Wl,--wrap=pga_evaluate_here,--wrap=pga_surroundings_tell,--wrap=pga_addition_check,--wrap=pga_service_write,--wrap=pga_addition_refused \
	-Wl,--wrap=pga_addition_json,--wrap=pga_addition_written
tests_unit_test_service_add_warnings_LDADD = $(UNITS_LDADD)
tests_unit_test_cmd_explain_SOURCES = $(SERVICES) tests/unit/test_cmd_explain.c
tests_unit_test_cmd_explain_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_cmd_explain_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) -Wl,--wrap=pga_binary_read,--wrap=pga_linked_libpq_version \
	-Wl,--wrap=pga_linked_libpq_path,--wrap=pga_keep_what_is_read_once,--wrap=pga_policy_load,--wrap=pga_pins_load,--wrap=pga_anchored_look \
	-Wl,--wrap=pga_warn_of_unpinned,--wrap=pga_roots_look,--wrap=pga_crls_look
tests_unit_test_cmd_explain_LDADD = $(UNITS_LDADD)
tests_unit_test_cmd_log_SOURCES = $(PRINTING) tests/unit/failing.h tests/unit/test_cmd_log.c
tests_unit_test_cmd_log_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_cmd_log_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) -Wl,--wrap=time,--wrap=geteuid
tests_unit_test_cmd_log_LDADD = $(UNITS_LDADD)
tests_unit_test_cmd_run_SOURCES = $(PRINTING) tests/unit/failing.h tests/unit/test_cmd_run.c
tests_unit_test_cmd_run_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_cmd_run_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) -Wl,--wrap=execvp,--wrap=setenv
tests_unit_test_cmd_run_LDADD = $(UNITS_LDADD)
tests_unit_test_cmd_status_SOURCES = $(PRINTING) tests/unit/played_status.h tests/unit/test_cmd_status.c
tests_unit_test_cmd_status_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_cmd_status_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=reallocarray
tests_unit_test_cmd_status_LDADD = $(UNITS_LDADD)
tests_unit_test_cmd_enable_SOURCES = $(PRINTING) tests/unit/played_enable.h tests/unit/test_cmd_enable.c
tests_unit_test_cmd_enable_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_cmd_enable_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=geteuid,--wrap=pga_text_take
tests_unit_test_cmd_enable_LDADD = $(UNITS_LDADD)
tests_unit_test_cmd_disable_SOURCES = $(PRINTING) tests/unit/played_enable.h tests/unit/test_cmd_disable.c
tests_unit_test_cmd_disable_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_cmd_disable_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=geteuid,--wrap=pga_text_take
tests_unit_test_cmd_disable_LDADD = $(UNITS_LDADD)
tests_unit_test_enable_machine_SOURCES = $(PRINTING) tests/unit/played_enable.h tests/unit/test_enable_machine.c
tests_unit_test_enable_machine_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_enable_machine_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=geteuid,--wrap=pga_text_take
tests_unit_test_enable_machine_LDADD = $(UNITS_LDADD)
tests_unit_test_enable_fails_SOURCES = $(PRINTING) tests/unit/played_enable.h tests/unit/test_enable_fails.c
tests_unit_test_enable_fails_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_enable_fails_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=geteuid,--wrap=pga_text_take
tests_unit_test_enable_fails_LDADD = $(UNITS_LDADD)
tests_unit_test_enable_checks_SOURCES = $(PRINTING) tests/unit/failing.h tests/unit/checked_machine.h tests/unit/test_enable_checks.c
tests_unit_test_enable_checks_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_enable_checks_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) -Wl,--wrap=access,--wrap=geteuid
tests_unit_test_enable_checks_LDADD = $(UNITS_LDADD)
tests_unit_test_enable_checks_all_SOURCES = $(PRINTING) tests/unit/failing.h tests/unit/checked_machine.h tests/unit/test_enable_checks_all.c
tests_unit_test_enable_checks_all_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_enable_checks_all_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) -Wl,--wrap=access,--wrap=geteuid
tests_unit_test_enable_checks_all_LDADD = $(UNITS_LDADD)
tests_unit_test_bootstrap_existing_SOURCES = $(PRINTING) tests/unit/failing.h tests/unit/played_existing.h tests/unit/test_bootstrap_existing.c
tests_unit_test_bootstrap_existing_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_bootstrap_existing_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) \
	-Wl,--wrap=pga_pins_load,--wrap=pga_policy_load,--wrap=pga_libpq_home,--wrap=pga_unpinned_roots_read \
	-Wl,--wrap=pga_unpinned_roots_free,--wrap=pga_certificate_check_anchor,--wrap=pga_anchor_install,--wrap=access
tests_unit_test_bootstrap_existing_LDADD = $(UNITS_LDADD)
tests_unit_test_existing_alone_SOURCES = $(PRINTING) tests/unit/failing.h tests/unit/played_existing.h tests/unit/test_existing_alone.c
tests_unit_test_existing_alone_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_existing_alone_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) \
	-Wl,--wrap=pga_pins_load,--wrap=pga_policy_load,--wrap=pga_libpq_home,--wrap=pga_unpinned_roots_read \
	-Wl,--wrap=pga_unpinned_roots_free,--wrap=pga_certificate_check_anchor,--wrap=pga_anchor_install,--wrap=access
tests_unit_test_existing_alone_LDADD = $(UNITS_LDADD)
tests_unit_test_bootstrap_known_SOURCES = tests/unit/cmocka_start.h tests/unit/failing.h tests/unit/test_bootstrap_known.c
tests_unit_test_bootstrap_known_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_bootstrap_known_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) -Wl,--wrap=pga_pins_load,--wrap=pga_anchor_install
tests_unit_test_bootstrap_known_LDADD = $(UNITS_LDADD)
tests_unit_test_bootstrap_services_SOURCES = $(PRINTING) tests/unit/failing.h tests/unit/test_bootstrap_services.c
tests_unit_test_bootstrap_services_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_bootstrap_services_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) \
	-Wl,--wrap=pga_find_services,--wrap=pga_found_services_free,--wrap=pga_hide_environment_again,--wrap=pga_bring_environment_back \
	-Wl,--wrap=pga_evaluator_begin,--wrap=pga_evaluator_end,--wrap=pga_evaluate_entry,--wrap=pga_evaluation_free \
	-Wl,--wrap=pga_add_replacing_command,--wrap=pga_service_file_find
tests_unit_test_bootstrap_services_LDADD = $(UNITS_LDADD)
tests_unit_test_bootstrap_warnings_SOURCES = $(PRINTING) tests/unit/certificates.h tests/unit/test_bootstrap_warnings.c
tests_unit_test_bootstrap_warnings_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_bootstrap_warnings_LDADD = $(UNITS_LDADD)
tests_unit_test_source_SOURCES = tests/unit/cmocka_start.h tests/unit/failing.h tests/unit/test_source.c
tests_unit_test_source_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_source_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY)
tests_unit_test_source_LDADD = $(UNITS_LDADD)
tests_unit_test_completion_SOURCES = $(PRINTING) tests/unit/directory.h tests/unit/test_completion.c
tests_unit_test_completion_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_completion_LDADD = $(UNITS_LDADD)
tests_unit_test_options_SOURCES = $(PRINTING) tests/unit/failing.h tests/unit/test_options.c
tests_unit_test_options_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_options_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY)
tests_unit_test_options_LDADD = $(UNITS_LDADD)
tests_unit_test_print_bootstrap_SOURCES = $(PRINTING) tests/unit/test_print_bootstrap.c
tests_unit_test_print_bootstrap_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_print_bootstrap_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=pga_certificate_tell
tests_unit_test_print_bootstrap_LDADD = $(UNITS_LDADD)
tests_unit_test_print_unpinned_SOURCES = $(PRINTING) tests/unit/failing.h tests/unit/test_print_unpinned.c
tests_unit_test_print_unpinned_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_print_unpinned_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) \
	-Wl,--wrap=pga_libpq_home,--wrap=pga_unpinned_roots_read,--wrap=pga_unpinned_roots_free,--wrap=pga_effective_value
tests_unit_test_print_unpinned_LDADD = $(UNITS_LDADD)
tests_unit_test_consent_SOURCES = tests/unit/cmocka_start.h tests/unit/test_consent.c
tests_unit_test_consent_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_consent_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fopen,--wrap=open,--wrap=tcflush,--wrap=read
tests_unit_test_consent_LDADD = $(UNITS_LDADD)
tests_unit_test_command_lines_SOURCES = $(PRINTING) tests/unit/test_command_lines.c
tests_unit_test_command_lines_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_command_lines_LDADD = $(UNITS_LDADD)
tests_unit_test_service_check_SOURCES = $(PRINTING) tests/unit/test_service_check.c
tests_unit_test_service_check_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_service_check_LDADD = $(UNITS_LDADD)
tests_unit_test_coverage_SOURCES = $(PRINTING) tests/unit/program_kinds.h tests/unit/test_coverage.c
tests_unit_test_coverage_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_coverage_LDADD = $(UNITS_LDADD)
tests_unit_test_print_processes_SOURCES = $(PRINTING) tests/unit/program_kinds.h tests/unit/test_print_processes.c
tests_unit_test_print_processes_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_print_processes_LDADD = $(UNITS_LDADD)
tests_unit_test_status_SOURCES = $(PRINTING) tests/unit/played_status.h tests/unit/test_status.c
tests_unit_test_status_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_status_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=reallocarray
tests_unit_test_status_LDADD = $(UNITS_LDADD)

tests_unit_test_enable_files_SOURCES = $(FAILING_CALLS) tests/unit/cmocka_start.h tests/unit/directory.h tests/unit/enabled_home.h tests/unit/test_enable_files.c
tests_unit_test_enable_files_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_enable_files_LDFLAGS = $(AM_LDFLAGS) $(FAILING_WRAPS)
tests_unit_test_enable_files_LDADD = $(UNITS_LDADD)
tests_unit_test_enable_SOURCES = $(FAILING_CALLS) tests/unit/cmocka_start.h tests/unit/directory.h tests/unit/enabled_home.h tests/unit/test_enable.c
tests_unit_test_enable_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_enable_LDFLAGS = $(AM_LDFLAGS) $(FAILING_WRAPS)
tests_unit_test_enable_LDADD = $(UNITS_LDADD)

tests_unit_test_block_SOURCES = src/base/subprocess.c src/base/subprocess.h src/preload/known.c src/preload/known.h \
	src/preload/block.c src/preload/block.h src/preload/module.c src/preload/module.h tests/unit/cmocka_start.h \
	tests/unit/test_block.c
# With a path that has two directories for libraries.
tests_unit_test_block_CPPFLAGS = $(UNIT_CPPFLAGS) -UPKGLIBDIR -DPKGLIBDIR='"/opt/lib/a/lib64/b/pganchor"'
tests_unit_test_block_LDADD = $(UNITS_LDADD)
tests_unit_test_known_SOURCES = src/base/subprocess.c src/base/subprocess.h src/preload/known.c src/preload/known.h \
	src/preload/block.c src/preload/block.h src/preload/module.c src/preload/module.h tests/unit/cmocka_start.h \
	tests/unit/test_known.c
# With a path that has two directories for libraries.
tests_unit_test_known_CPPFLAGS = $(UNIT_CPPFLAGS) -UPKGLIBDIR -DPKGLIBDIR='"/opt/lib/a/lib64/b/pganchor"'
tests_unit_test_known_LDADD = $(UNITS_LDADD)

tests_unit_test_edit_lock_SOURCES = $(FAILING_CALLS) tests/unit/cmocka_start.h tests/unit/directory.h tests/unit/test_edit_lock.c
tests_unit_test_edit_lock_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_edit_lock_LDFLAGS = $(AM_LDFLAGS) $(FAILING_WRAPS)
tests_unit_test_edit_lock_LDADD = $(UNITS_LDADD)
tests_unit_test_cleanup_SOURCES = $(FAILING_CALLS) tests/unit/cmocka_start.h tests/unit/directory.h tests/unit/test_cleanup.c
tests_unit_test_cleanup_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_cleanup_LDFLAGS = $(AM_LDFLAGS) $(FAILING_WRAPS)
tests_unit_test_cleanup_LDADD = $(UNITS_LDADD)

tests_unit_test_path_SOURCES = $(FAILING_CALLS) tests/unit/cmocka_start.h tests/unit/directory.h tests/unit/test_path.c
tests_unit_test_path_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_path_LDFLAGS = $(AM_LDFLAGS) $(FAILING_WRAPS) -Wl,--wrap=pga_home,--wrap=pga_user_is_unmapped
tests_unit_test_path_LDADD = $(UNITS_LDADD)

tests_unit_test_memory_file_SOURCES = $(FAILING_CALLS) tests/unit/cmocka_start.h tests/unit/directory.h \
	tests/unit/test_memory_file.c
tests_unit_test_memory_file_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_memory_file_LDFLAGS = $(AM_LDFLAGS) $(FAILING_WRAPS)
tests_unit_test_memory_file_LDADD = $(UNITS_LDADD)

tests_unit_test_words_SOURCES = tests/unit/cmocka_start.h tests/unit/test_words.c
tests_unit_test_words_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_words_LDADD = $(UNITS_LDADD)

tests_unit_test_printable_SOURCES = tests/unit/cmocka_start.h tests/unit/test_printable.c
tests_unit_test_printable_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_printable_LDADD = $(UNITS_LDADD)

tests_unit_test_ownership_SOURCES = tests/unit/cmocka_start.h tests/unit/test_ownership.c
tests_unit_test_ownership_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_ownership_LDADD = $(UNITS_LDADD)

tests_unit_test_pin_pairs_SOURCES = tests/unit/cmocka_start.h tests/unit/test_pin_pairs.c
tests_unit_test_pin_pairs_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_pin_pairs_LDADD = $(UNITS_LDADD)

tests_unit_test_paths_SOURCES = tests/unit/cmocka_start.h tests/unit/test_paths.c
tests_unit_test_paths_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_paths_LDADD = $(UNITS_LDADD)

tests_unit_test_subprocess_run_SOURCES = tests/unit/cmocka_start.h tests/unit/test_subprocess_run.c
tests_unit_test_subprocess_run_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_subprocess_run_LDADD = $(UNITS_LDADD)

tests_unit_test_effective_SOURCES = tests/unit/cmocka_start.h tests/unit/played_libpq.h tests/unit/default_policy.h tests/unit/settings.h \
	tests/unit/test_effective.c
tests_unit_test_effective_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_effective_LDADD = $(UNITS_LDADD)

tests_unit_test_explain_SOURCES = tests/unit/cmocka_start.h tests/unit/default_policy.h tests/unit/settings.h tests/unit/test_explain.c
tests_unit_test_explain_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_explain_LDADD = $(UNITS_LDADD)

tests_unit_test_origin_SOURCES = tests/unit/cmocka_start.h tests/unit/failing.h tests/unit/played_libpq.h tests/unit/default_policy.h tests/unit/settings.h \
	tests/unit/test_origin.c
tests_unit_test_origin_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_origin_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) -Wl,--wrap=pga_is_secure_execution
tests_unit_test_origin_LDADD = $(UNITS_LDADD)

# The machine's directory is the one that it runs in.
tests_unit_test_policy_SOURCES = src/policy/pins.c src/policy/pins.h src/policy/pins_parse.c src/policy/system_files.c \
	src/policy/system_files.h src/policy/policy.c src/policy/policy.h \
	tests/unit/cmocka_start.h tests/unit/default_policy.h tests/unit/policy_files.h tests/unit/test_policy.c
tests_unit_test_policy_CPPFLAGS = $(UNIT_CPPFLAGS) -USYSCONFDIR -DSYSCONFDIR='"/proc/self/cwd"' \
	-UPKGLIBDIR -DPKGLIBDIR='"/proc/self/cwd"'
tests_unit_test_policy_LDADD = $(UNITS_LDADD)
tests_unit_test_pins_file_SOURCES = src/policy/pins.c src/policy/pins.h src/policy/pins_parse.c src/policy/system_files.c \
	src/policy/system_files.h src/policy/policy.c src/policy/policy.h \
	tests/unit/cmocka_start.h tests/unit/policy_files.h tests/unit/test_pins_file.c
tests_unit_test_pins_file_CPPFLAGS = $(UNIT_CPPFLAGS) -USYSCONFDIR -DSYSCONFDIR='"/proc/self/cwd"' \
	-UPKGLIBDIR -DPKGLIBDIR='"/proc/self/cwd"'
tests_unit_test_pins_file_LDADD = $(UNITS_LDADD)

tests_unit_test_append_SOURCES = tests/unit/cmocka_start.h tests/unit/directory.h tests/unit/test_append.c
tests_unit_test_append_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_append_LDADD = $(UNITS_LDADD)
tests_unit_test_known_servers_SOURCES = tests/unit/cmocka_start.h tests/unit/assert_text.h tests/unit/default_policy.h tests/unit/test_known_servers.c
tests_unit_test_known_servers_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_known_servers_LDADD = $(UNITS_LDADD)
tests_unit_test_passwords_SOURCES = tests/unit/cmocka_start.h tests/unit/default_policy.h tests/unit/test_passwords.c
tests_unit_test_passwords_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_passwords_LDADD = $(UNITS_LDADD)
tests_unit_test_passfile_SOURCES = tests/unit/cmocka_start.h tests/unit/test_passfile.c
tests_unit_test_passfile_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_passfile_LDADD = $(UNITS_LDADD)
tests_unit_test_record_SOURCES = tests/unit/cmocka_start.h tests/unit/test_record.c
tests_unit_test_record_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_record_LDADD = $(UNITS_LDADD)

tests_unit_test_secrets_SOURCES = tests/unit/cmocka_start.h tests/unit/test_secrets.c
tests_unit_test_secrets_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_secrets_LDADD = $(UNITS_LDADD)

# The gate with a libpq and an OpenSSL that the test plays.
GATE_FAKES = tests/unit/cmocka_start.h tests/unit/gate_fakes.h tests/unit/default_policy.h tests/unit/settings.h
tests_unit_test_call_SOURCES = tests/unit/cmocka_start.h tests/unit/test_call.c
tests_unit_test_call_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_call_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=calloc,--wrap=gate_rules_release,--wrap=pga_effective_free
tests_unit_test_call_LDADD = libgate.la $(CMOCKA_LIBS)
tests_unit_test_lookup_SOURCES = tests/unit/cmocka_start.h tests/unit/test_lookup.c
tests_unit_test_lookup_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_lookup_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=gate_call_current,--wrap=gate_rules_acquire,--wrap=gate_rules_release \
	-Wl,--wrap=pga_policy_exempts,--wrap=getaddrinfo
tests_unit_test_lookup_LDADD = libgate.la $(CMOCKA_LIBS)
tests_unit_test_tls_write_SOURCES = tests/unit/cmocka_start.h tests/unit/test_tls_write.c
tests_unit_test_tls_write_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tls_write_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=gate_call_current,--wrap=gate_cut,--wrap=gate_refuse \
	-Wl,--wrap=gate_libpq_openssl,--wrap=gate_conn_holds,--wrap=gate_session_mark,--wrap=gate_session_is_marked
tests_unit_test_tls_write_LDADD = libgate.la $(CMOCKA_LIBS)
tests_unit_test_chroot_SOURCES = tests/unit/in_a_child.h tests/unit/cmocka_start.h tests/unit/test_chroot.c
tests_unit_test_chroot_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_chroot_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=gate_each_object,--wrap=gate_object_of,--wrap=gate_object_find \
	-Wl,--wrap=gate_loader,--wrap=gate_rules_acquire,--wrap=gate_rules_release
tests_unit_test_chroot_LDADD = libgate.la $(CMOCKA_LIBS)
tests_unit_test_cut_SOURCES = $(GATE_FAKES) tests/unit/test_cut.c
tests_unit_test_cut_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_cut_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=getpeername,--wrap=socketpair
tests_unit_test_cut_LDADD = libgate.la $(CMOCKA_LIBS)
tests_unit_test_gate_parts_SOURCES = $(GATE_FAKES) tests/unit/test_gate_parts.c
tests_unit_test_gate_parts_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_gate_parts_LDADD = libgate.la $(CMOCKA_LIBS)
tests_unit_test_elf_SOURCES = tests/unit/cmocka_start.h tests/unit/played_image.h tests/unit/test_elf.c
tests_unit_test_elf_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_elf_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=dlinfo,--wrap=gate_object_at
tests_unit_test_elf_LDADD = libgate.la $(CMOCKA_LIBS)
tests_unit_test_elf_got_SOURCES = tests/unit/cmocka_start.h tests/unit/played_image.h tests/unit/test_elf_got.c
tests_unit_test_elf_got_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_elf_got_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=dlinfo,--wrap=gate_object_at
tests_unit_test_elf_got_LDADD = libgate.la $(CMOCKA_LIBS)
# What the gate would send to syslog, and what is another each time, are led to the test.
tests_unit_test_gate_audit_log_SOURCES = $(GATE_FAKES) tests/unit/test_gate_audit_log.c
tests_unit_test_gate_audit_log_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_gate_audit_log_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=sendto,--wrap=time,--wrap=getpid
tests_unit_test_gate_audit_log_LDADD = libgate.la $(CMOCKA_LIBS)
tests_unit_test_refusal_SOURCES = $(GATE_FAKES) tests/unit/refused_libpq.h tests/unit/test_refusal.c
tests_unit_test_refusal_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_refusal_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=calloc,--wrap=strdup,--wrap=realloc
tests_unit_test_refusal_LDADD = libgate.la $(CMOCKA_LIBS)
tests_unit_test_rules_effect_SOURCES = $(GATE_FAKES) tests/unit/refused_libpq.h tests/unit/test_rules_effect.c
tests_unit_test_rules_effect_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_rules_effect_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=calloc,--wrap=strdup,--wrap=realloc
tests_unit_test_rules_effect_LDADD = libgate.la $(CMOCKA_LIBS)
tests_unit_test_session_SOURCES = $(GATE_FAKES) tests/unit/played_session.h tests/unit/test_session.c
tests_unit_test_session_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_session_LDADD = libgate.la $(CMOCKA_LIBS)
tests_unit_test_session_marks_SOURCES = $(GATE_FAKES) tests/unit/played_session.h tests/unit/test_session_marks.c
tests_unit_test_session_marks_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_session_marks_LDADD = libgate.la $(CMOCKA_LIBS)

tests_unit_test_shown_SOURCES = tests/unit/cmocka_start.h tests/unit/default_policy.h tests/unit/settings.h tests/unit/test_shown.c
tests_unit_test_shown_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_shown_LDADD = $(UNITS_LDADD)
# Among objects that the test lays out.
PLAYED_LOADER = -Wl,--wrap=gate_object_at,--wrap=gate_object_mapped,--wrap=gate_object_loaded,--wrap=gate_object_find \
	-Wl,--wrap=gate_object_got_entries,--wrap=gate_object_write,--wrap=gate_object_swap
tests_unit_test_imports_SOURCES = $(GATE_FAKES) tests/unit/played_loader.h tests/unit/test_imports.c
tests_unit_test_imports_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_imports_LDFLAGS = $(AM_LDFLAGS) $(PLAYED_LOADER) \
	-Wl,--wrap=gate_own_base,--wrap=gate_libpq_number,--wrap=gate_libpq_would_call,--wrap=gate_sees_polls
tests_unit_test_imports_LDADD = libgate.la $(CMOCKA_LIBS)
tests_unit_test_peer_SOURCES = $(GATE_FAKES) tests/unit/played_loader.h tests/unit/test_peer.c
tests_unit_test_peer_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_peer_LDFLAGS = $(AM_LDFLAGS) $(PLAYED_LOADER)
tests_unit_test_peer_LDADD = libgate.la $(CMOCKA_LIBS)
tests_unit_test_caller_SOURCES = tests/unit/in_a_child.h tests/unit/cmocka_start.h tests/unit/played_loader.h tests/unit/test_caller.c
tests_unit_test_caller_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_caller_LDFLAGS = $(AM_LDFLAGS) $(PLAYED_LOADER) \
	-Wl,--wrap=gate_each_object,--wrap=gate_object_of,--wrap=gate_loader,--wrap=gate_imports_bind \
	-Wl,--wrap=dlclose,--wrap=dlinfo,--wrap=dlerror,--wrap=calloc
tests_unit_test_caller_LDADD = libgate.la $(CMOCKA_LIBS)
# The module's own functions, under the names that libc has them by; no sanitizer's runtime is to come by them.
tests_unit_test_dl_wrappers_SOURCES = src/gate/dl_wrappers.c tests/unit/in_a_child.h tests/unit/cmocka_start.h tests/unit/played_loader.h \
	tests/unit/played_dl.h tests/unit/test_dl_wrappers.c
tests_unit_test_dl_wrappers_CPPFLAGS = $(UNIT_CPPFLAGS) -D__dso_handle=played_dso_handle
tests_unit_test_dl_wrappers_LDFLAGS = $(AM_LDFLAGS) $(PLAYED_LOADER) -Wl,--version-script=$(srcdir)/tests/unit/local.map \
	-Wl,--wrap=gate_each_object,--wrap=gate_object_of,--wrap=gate_loader,--wrap=gate_own_base,--wrap=gate_libpq_of \
	-Wl,--wrap=gate_libpq_with,--wrap=gate_libpq_of_object,--wrap=gate_is_dropin,--wrap=gate_wrapper,--wrap=gate_rebind_new,--wrap=gate_rebind_deep,--wrap=gate_rebind_at_start \
	-Wl,--wrap=gate_rebind_space,--wrap=dlinfo,--wrap=dlerror,--wrap=access,--wrap=calloc,--wrap=free
tests_unit_test_dl_wrappers_LDADD = libgate.la $(CMOCKA_LIBS)
tests_unit_test_dl_wrappers_open_SOURCES = src/gate/dl_wrappers.c tests/unit/in_a_child.h tests/unit/cmocka_start.h tests/unit/played_loader.h \
	tests/unit/played_dl.h tests/unit/test_dl_wrappers_open.c
tests_unit_test_dl_wrappers_open_CPPFLAGS = $(UNIT_CPPFLAGS) -D__dso_handle=played_dso_handle
tests_unit_test_dl_wrappers_open_LDFLAGS = $(AM_LDFLAGS) $(PLAYED_LOADER) -Wl,--version-script=$(srcdir)/tests/unit/local.map \
	-Wl,--wrap=gate_each_object,--wrap=gate_object_of,--wrap=gate_loader,--wrap=gate_own_base,--wrap=gate_libpq_of \
	-Wl,--wrap=gate_libpq_with,--wrap=gate_libpq_of_object,--wrap=gate_is_dropin,--wrap=gate_wrapper,--wrap=gate_rebind_new,--wrap=gate_rebind_deep,--wrap=gate_rebind_at_start \
	-Wl,--wrap=gate_rebind_space,--wrap=dlinfo,--wrap=dlerror,--wrap=access,--wrap=calloc,--wrap=free
tests_unit_test_dl_wrappers_open_LDADD = libgate.la $(CMOCKA_LIBS)
tests_unit_test_dl_SOURCES = tests/unit/in_a_child.h tests/unit/cmocka_start.h tests/unit/played_loader.h tests/unit/test_dl.c
tests_unit_test_dl_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_dl_LDFLAGS = $(AM_LDFLAGS) $(PLAYED_LOADER) \
	-Wl,--wrap=gate_walk_begin,--wrap=gate_walk_end,--wrap=dl_iterate_phdr,--wrap=dlclose,--wrap=_dl_find_object,--wrap=dladdr1
tests_unit_test_dl_LDADD = libgate.la $(CMOCKA_LIBS)
tests_unit_test_got_SOURCES = tests/unit/in_a_child.h tests/unit/cmocka_start.h tests/unit/played_loader.h tests/unit/bound_objects.h tests/unit/test_got.c
tests_unit_test_got_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_got_LDFLAGS = $(AM_LDFLAGS) $(PLAYED_LOADER) \
	-Wl,--wrap=gate_each_object,--wrap=gate_each_object_in,--wrap=gate_object_of,--wrap=gate_loader \
	-Wl,--wrap=gate_own_base,--wrap=gate_libpq_of,--wrap=gate_libpq_with,--wrap=gate_libpq_of_object,--wrap=gate_is_dropin,--wrap=dlclose,--wrap=dlinfo,--wrap=strdup,--wrap=calloc
tests_unit_test_got_LDADD = libgate.la $(CMOCKA_LIBS)
tests_unit_test_got_linker_SOURCES = tests/unit/in_a_child.h tests/unit/cmocka_start.h tests/unit/played_loader.h tests/unit/bound_objects.h tests/unit/test_got_linker.c
tests_unit_test_got_linker_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_got_linker_LDFLAGS = $(AM_LDFLAGS) $(PLAYED_LOADER) \
	-Wl,--wrap=gate_each_object,--wrap=gate_each_object_in,--wrap=gate_object_of,--wrap=gate_loader \
	-Wl,--wrap=gate_own_base,--wrap=gate_libpq_of,--wrap=gate_libpq_with,--wrap=gate_libpq_of_object,--wrap=gate_is_dropin,--wrap=dlclose,--wrap=dlinfo,--wrap=strdup,--wrap=calloc
tests_unit_test_got_linker_LDADD = libgate.la $(CMOCKA_LIBS)

# With all that they ask.
PLAYED_GATE = \
	-Wl,--wrap=gate_rules_acquire,--wrap=gate_rules_acquire_to_log_in,--wrap=gate_rules_release,--wrap=gate_is_audit \
	-Wl,--wrap=gate_passwords_hand_over,--wrap=gate_passwords_look_back,--wrap=gate_judge,--wrap=gate_audit_log \
	-Wl,--wrap=gate_refuse,--wrap=gate_refuse_unstarted,--wrap=gate_session_holds,--wrap=gate_cut,--wrap=gate_forget \
	-Wl,--wrap=gate_poll_to_the_end,--wrap=gate_handshake_tell,--wrap=gate_notice,--wrap=gate_say_unseen \
	-Wl,--wrap=gate_sees_sessions,--wrap=gate_sees_lookups,--wrap=pga_is_ambiguous,--wrap=pga_effective_failed \
	-Wl,--wrap=pga_effective_of,--wrap=pga_effective_is_question,--wrap=pga_effective_free,--wrap=pga_effective_ask_quietly,--wrap=calloc
tests_unit_test_connect_SOURCES = tests/unit/cmocka_start.h tests/unit/played_gate.h tests/unit/test_connect.c
tests_unit_test_connect_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_connect_LDFLAGS = $(AM_LDFLAGS) $(PLAYED_GATE)
tests_unit_test_connect_LDADD = libgate.la $(CMOCKA_LIBS)
tests_unit_test_connect_poll_SOURCES = tests/unit/cmocka_start.h tests/unit/played_gate.h tests/unit/test_connect_poll.c
tests_unit_test_connect_poll_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_connect_poll_LDFLAGS = $(AM_LDFLAGS) $(PLAYED_GATE)
tests_unit_test_connect_poll_LDADD = libgate.la $(CMOCKA_LIBS)
tests_unit_test_notice_SOURCES = tests/unit/cmocka_start.h tests/unit/test_notice.c
tests_unit_test_notice_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_notice_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=fstat64,--wrap=fcntl64,--wrap=isatty,--wrap=poll,--wrap=write,--wrap=sigpending,--wrap=sigtimedwait
tests_unit_test_notice_LDADD = libgate.la $(CMOCKA_LIBS)

# With files that the test plays.
tests_unit_test_rules_SOURCES = tests/unit/in_a_child.h tests/unit/cmocka_start.h tests/unit/test_rules.c
tests_unit_test_rules_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_rules_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=pga_pins_reload,--wrap=pga_policy_reload,--wrap=pga_pins_is_fresh,--wrap=pga_policy_is_fresh \
	-Wl,--wrap=pga_passwords_reload,--wrap=pga_passwords_are_fresh,--wrap=pga_passwords_free \
	-Wl,--wrap=pga_pins_free,--wrap=pga_policy_free,--wrap=stat64,--wrap=calloc,--wrap=gate_lock,--wrap=gate_unlock
tests_unit_test_rules_LDADD = libgate.la $(CMOCKA_LIBS)

# The kernel's part in it, the clock and fork() are the test's.
tests_unit_test_walks_SOURCES = tests/unit/cmocka_start.h tests/unit/acting_threads.h tests/unit/test_walks.c
tests_unit_test_walks_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_walks_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=syscall,--wrap=clock_gettime,--wrap=pthread_atfork
tests_unit_test_walks_LDADD = libgate.la $(CMOCKA_LIBS)
tests_unit_test_walks_turns_SOURCES = tests/unit/cmocka_start.h tests/unit/acting_threads.h tests/unit/test_walks_turns.c
tests_unit_test_walks_turns_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_walks_turns_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=syscall,--wrap=clock_gettime,--wrap=pthread_atfork
tests_unit_test_walks_turns_LDADD = libgate.la $(CMOCKA_LIBS)
tests_unit_test_gate_lock_SOURCES = tests/unit/cmocka_start.h tests/unit/test_gate_lock.c
tests_unit_test_gate_lock_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_gate_lock_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=mmap64,--wrap=munmap,--wrap=madvise
tests_unit_test_gate_lock_LDADD = libgate.la $(CMOCKA_LIBS)


tests_unit_test_userfile_SOURCES = tests/unit/cmocka_start.h tests/unit/failing.h tests/unit/test_userfile.c
tests_unit_test_userfile_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_userfile_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) -Wl,--wrap=pga_user_config \
	-Wl,--wrap=pga_user_config_is_out_of_reach,--wrap=pga_file_read_stamped,--wrap=pga_file_identity_of
tests_unit_test_userfile_LDADD = $(UNITS_LDADD)
tests_unit_test_attributes_SOURCES = tests/unit/cmocka_start.h tests/unit/failing.h tests/unit/test_attributes.c
tests_unit_test_attributes_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_attributes_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) \
	-Wl,--wrap=fgetxattr,--wrap=flistxattr,--wrap=fsetxattr,--wrap=fremovexattr
tests_unit_test_attributes_LDADD = $(UNITS_LDADD)
tests_unit_test_linked_SOURCES = tests/unit/cmocka_start.h tests/unit/failing.h tests/unit/test_linked.c
tests_unit_test_linked_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_linked_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) \
	-Wl,--wrap=dladdr,--wrap=PQconndefaults,--wrap=pga_effective_ask
tests_unit_test_linked_LDADD = $(UNITS_LDADD)
tests_unit_test_own_libpq_SOURCES = tests/unit/cmocka_start.h tests/unit/test_own_libpq.c
tests_unit_test_own_libpq_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_own_libpq_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=dladdr,--wrap=dl_iterate_phdr,--wrap=elf_strptr,--wrap=elf_begin,--wrap=open
tests_unit_test_own_libpq_LDADD = $(UNITS_LDADD)
tests_unit_test_api_SOURCES = src/gate/api.c tests/unit/cmocka_start.h tests/unit/test_api.c
tests_unit_test_api_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_api_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=gate_libpq_any,--wrap=gate_libpq_of,--wrap=pga_effective_ask,--wrap=pga_effective_trace,--wrap=pga_effective_free \
	-Wl,--wrap=gate_rules_acquire,--wrap=gate_rules_release,--wrap=pga_judge,--wrap=pga_verdict_free,--wrap=pga_explain_verdict,--wrap=pga_explain_settings \
	-Wl,--wrap=gate_at_PQconnectdbParams,--wrap=gate_at_PQconnectdb,--wrap=gate_conn_judge
tests_unit_test_api_LDADD = libgate.la $(CMOCKA_LIBS)

tests_unit_test_file_identity_SOURCES = tests/unit/cmocka_start.h tests/unit/test_file_identity.c
tests_unit_test_file_identity_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_file_identity_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=clock_gettime
tests_unit_test_file_identity_LDADD = $(UNITS_LDADD)

tests_unit_test_verdict_SOURCES = tests/unit/cmocka_start.h tests/unit/default_policy.h tests/unit/settings.h tests/unit/test_verdict.c
tests_unit_test_verdict_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_verdict_LDADD = $(UNITS_LDADD)

tests_unit_test_daemons_SOURCES = tests/unit/cmocka_start.h tests/unit/failing.h tests/unit/directory.h tests/unit/test_daemons.c
tests_unit_test_daemons_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_daemons_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY)
tests_unit_test_daemons_LDADD = $(UNITS_LDADD)

tests_unit_test_terminal_SOURCES = $(PRINTING) tests/unit/failing.h tests/unit/test_terminal.c
tests_unit_test_terminal_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_terminal_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) -Wl,--wrap=isatty,--wrap=vasprintf,--wrap=__vasprintf_chk
tests_unit_test_terminal_LDADD = $(UNITS_LDADD)

tests_unit_test_directory_SOURCES = $(FAILING_CALLS) tests/unit/cmocka_start.h tests/unit/directory.h tests/unit/test_directory.c
tests_unit_test_directory_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_directory_LDFLAGS = $(AM_LDFLAGS) $(FAILING_WRAPS) -Wl,--wrap=pga_home
tests_unit_test_directory_LDADD = $(UNITS_LDADD)

tests_unit_test_acting_as_SOURCES = tests/unit/cmocka_start.h tests/unit/test_acting_as.c
tests_unit_test_acting_as_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_acting_as_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fopen,--wrap=geteuid,--wrap=getegid,--wrap=setfsuid,--wrap=setfsgid
tests_unit_test_acting_as_LDADD = $(UNITS_LDADD)

tests_unit_test_staged_SOURCES = $(FAILING_CALLS) tests/unit/cmocka_start.h tests/unit/directory.h tests/unit/test_staged.c
tests_unit_test_staged_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_staged_LDFLAGS = $(AM_LDFLAGS) $(FAILING_WRAPS)
tests_unit_test_staged_LDADD = $(UNITS_LDADD)

tests_unit_test_home_SOURCES = tests/unit/cmocka_start.h tests/unit/failing.h tests/unit/test_home.c
tests_unit_test_home_CPPFLAGS = $(UNITS_CPPFLAGS)
tests_unit_test_home_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MEMORY) -Wl,--wrap=fopen,--wrap=getpwuid_r,--wrap=getauxval,--wrap=geteuid,--wrap=open
tests_unit_test_home_LDADD = $(UNITS_LDADD)
