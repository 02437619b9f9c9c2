/* Certificates of one's own: they stay, and nobody renews them any more. */
#include "uninstall/plan.h"

#include "base/text.h"
#include "cert/record.h"

#include <string.h>

static bool is_local(const struct pga_cert_record *record)
{
	return strcmp(record->way, PGA_CERT_WAY_LOCAL) == 0 && record->ca[0] == '\0';
}

/* Without pganchor, these do what serve --undo does. */
static const char back[] = "pganchor ca local serve --undo puts it back, before pganchor goes; by "
			   "hand it is ALTER SYSTEM RESET ssl, ssl_cert_file and ssl_key_file, one "
			   "by one, and SELECT pg_reload_conf()";

/* The local CA goes, and with it all that its certificates are worth. */
static int keep(struct pga_uninstall *plan, const struct pga_cert_record *record,
		struct pga_error *error)
{
	const bool served = is_local(record) && record->signal[0] != '\0';

	return pga_leave_keep(plan, record->certificate,
			      served ? "a server shows it, and nobody trusts it any more"
			      : is_local(record)
				  ? "the local CA has signed it, and nobody trusts it any more"
				  : "it is yours, with its key, and nobody renews it any more",
			      served ? back : "", error);
}

int pga_uninstall_plan_certs(struct pga_uninstall *plan, struct pga_error *error)
{
	struct pga_cert_records records;
	struct pga_error why;
	int result = 0;

	/* Whatever stands in it, it goes. */
	if (pga_cert_records_read(&records, &why) != 0)
		result = pga_leave_keep(plan, "the certificates that " PGA_CERTS_FILE " names",
					why.message, "", error);
	for (size_t i = 0; result == 0 && i < records.count; i++)
		result = keep(plan, &records.records[i], error);
	pga_cert_records_free(&records);
	return result;
}
