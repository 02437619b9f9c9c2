#include "password/keep.h"

#include "password/index.h"

enum pga_secret_status pga_password_keep(const struct pga_password_entry *entry,
					 const struct pga_secret *secret, struct pga_error *error)
{
	struct pga_passwords index;
	enum pga_secret_status status = PGA_SECRET_FAILED;

	if (pga_index_read(&index, error) == 0)
		status = pga_ask_keyring_set(entry, secret, error);
	pga_passwords_free(&index);
	if (status == PGA_SECRET_DONE && pga_index_add(entry, error) != 0)
		status = PGA_SECRET_FAILED;
	return status;
}

enum pga_secret_status pga_password_drop(const struct pga_password_entry *entry,
					 struct pga_error *error)
{
	enum pga_secret_status status = pga_ask_keyring_state(error);

	if (status == PGA_SECRET_DONE && pga_index_remove(entry, error) != 0)
		status = PGA_SECRET_FAILED;
	if (status == PGA_SECRET_DONE)
		status = pga_ask_keyring_clear(entry, error);
	return status;
}
