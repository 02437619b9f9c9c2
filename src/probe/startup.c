#include "probe/startup.h"

#include <string.h>

#define PROTOCOL_3_0 0x00030000U

static void put(struct pga_text *packet, uint32_t number)
{
	const unsigned char bytes[4] = {(unsigned char)(number >> 24),
					(unsigned char)(number >> 16), (unsigned char)(number >> 8),
					(unsigned char)number};

	pga_text_add_bytes(packet, bytes, sizeof bytes);
}

static uint32_t get(const unsigned char *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

/* With its NUL. */
static void put_string(struct pga_text *packet, const char *string)
{
	pga_text_add_bytes(packet, string, strlen(string) + 1);
}

void pga_startup_compose(const char *user, const char *dbname, struct pga_text *packet)
{
	static const char user_key[] = "user";
	static const char dbname_key[] = "database";
	static const char name_key[] = "application_name";
	static const char name[] = "pganchor probe";
	const size_t length = 4 + 4 + sizeof user_key + strlen(user) + 1 + sizeof dbname_key +
			      strlen(dbname) + 1 + sizeof name_key + sizeof name + 1;

	put(packet, (uint32_t)length);
	put(packet, PROTOCOL_3_0);
	put_string(packet, user_key);
	put_string(packet, user);
	put_string(packet, dbname_key);
	put_string(packet, dbname);
	put_string(packet, name_key);
	put_string(packet, name);
	pga_text_add_bytes(packet, "", 1);
}

/* AuthenticationSASL: names of mechanisms, each with its NUL, and an empty one behind. */
static void read_mechanisms(const unsigned char *body, size_t length,
			    struct pga_probe_startup *startup)
{
	bool scram = false;
	bool bearer = false;

	while (length > 0 && *body != '\0') {
		const size_t name = strnlen((const char *)body, length);

		if (name == length)
			break;
		startup->plus =
		    startup->plus || strcmp((const char *)body, "SCRAM-SHA-256-PLUS") == 0;
		scram = scram || strcmp((const char *)body, "SCRAM-SHA-256") == 0;
		bearer = bearer || strcmp((const char *)body, "OAUTHBEARER") == 0;
		body += name + 1;
		length -= name + 1;
	}
	startup->auth = scram || startup->plus ? PGA_ASKS_SCRAM
			: bearer               ? PGA_ASKS_BEARER
					       : PGA_ASKS_NOT_UNDERSTOOD;
}

static void read_request(const unsigned char *body, size_t length,
			 struct pga_probe_startup *startup)
{
	startup->auth = PGA_ASKS_NOT_UNDERSTOOD;
	if (length < 4)
		return;
	switch (get(body)) {
	case 0:
		startup->auth = PGA_ASKS_TRUST;
		break;
	case 3:
		startup->auth = PGA_ASKS_CLEARTEXT;
		break;
	case 5:
		startup->auth = PGA_ASKS_MD5;
		break;
	case 7:
		startup->auth = PGA_ASKS_GSS;
		break;
	case 9:
		startup->auth = PGA_ASKS_SSPI;
		break;
	case 10:
		read_mechanisms(body + 4, length - 4, startup);
		break;
	default:
		break;
	}
}

/* A field of an ErrorResponse; NULL where it has none. */
static const char *field(const unsigned char *body, size_t length, char wanted)
{
	while (length > 1 && *body != '\0') {
		const size_t value = strnlen((const char *)body + 1, length - 1);

		if (value == length - 1)
			return NULL;
		if ((char)*body == wanted)
			return (const char *)body + 1;
		body += value + 2;
		length -= value + 2;
	}
	return NULL;
}

static bool is_sqlstate(const char *code)
{
	return code != NULL && strlen(code) == 5 &&
	       strspn(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5;
}

/* What pg_hba.conf has no entry for, or rejects, names that file in every language that the server
 * speaks (ClientAuthentication() of auth.c); what a client's certificate is missing from does not.
 */
static void read_error(const unsigned char *body, size_t length, struct pga_probe_startup *startup)
{
	const char *code = field(body, length, 'C');
	const char *message = field(body, length, 'M');

	startup->auth = PGA_ASKS_NOT_UNDERSTOOD;
	if (!is_sqlstate(code))
		return;
	memcpy(startup->sqlstate, code, sizeof startup->sqlstate);
	startup->auth = PGA_ASKS_REFUSED;
	if (strcmp(code, "28000") == 0 && message != NULL)
		startup->auth = strstr(message, "pg_hba.conf") != NULL ? PGA_ASKS_NO_ENTRY
								       : PGA_ASKS_CERTIFICATE;
}

bool pga_startup_read(const unsigned char *bytes, size_t length, struct pga_probe_startup *startup)
{
	/* A version that is negotiated comes first, and says nothing of this. */
	while (length >= 5) {
		const size_t body = get(bytes + 1);

		if (strchr("REv", bytes[0]) == NULL || bytes[0] == '\0' || body < 4 ||
		    body > PGA_ANSWER_MOST - 1) {
			startup->auth = PGA_ASKS_NOT_UNDERSTOOD;
			return true;
		}
		if (length < body + 1)
			return false;
		if (bytes[0] != 'v') {
			(bytes[0] == 'R' ? read_request : read_error)(bytes + 5, body - 4, startup);
			return true;
		}
		bytes += body + 1;
		length -= body + 1;
	}
	return false;
}
