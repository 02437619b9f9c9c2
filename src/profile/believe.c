#include "profile/believe.h"

#include "base/ownership.h"

#include <openssl/evp.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int take_digest(struct pga_believing *believing, struct pga_error *error)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned length = 0;
	char *digest = believing->fetched->digest;

	if (EVP_Digest(pga_text_string(&believing->bytes), believing->bytes.length, sum, &length,
		       EVP_sha256(), NULL) != 1 ||
	    length * 2 != PGA_PIN_LENGTH)
		return pga_fail_memory(error);
	pga_hex(sum, length, digest);
	if (believing->wanted_digest[0] == '\0' || strcmp(digest, believing->wanted_digest) == 0)
		return 0;
	return pga_fail(error,
			"it was changed on the way, or is another version than the one that the "
			"digest is of: ask who hands it out. Nothing was changed",
			"%s: not the profile that you want: its digest is %s", believing->where,
			digest);
}

static int fail_unknown_key(const struct pga_believing *believing,
			    const struct pga_minisign_signature *signature, struct pga_error *error)
{
	if (believing->wants_signature)
		return pga_fail(error,
				"ask who hands out the profile which key it is signed by. Nothing "
				"was changed",
				"%s: signed by the key %s, and --public-key is %s",
				believing->where, signature->id, believing->keys.keys[0].id);
	return pga_fail(error,
			"where you have that key by a way that you trust, give it by --public-key "
			"FILE, or put it into " PGA_PROFILE_KEY_DIRECTORY " as NAME.pub",
			"%s: signed by the key %s, which is not trusted here", believing->where,
			signature->id);
}

static int take_signature(struct pga_believing *believing, struct pga_error *error)
{
	struct pga_fetched_profile *fetched = believing->fetched;
	struct pga_minisign_signature signature;
	const struct pga_minisign_key *key;
	struct pga_text whose = PGA_TEXT_EMPTY;
	int result = -1;

	memset(&signature, 0, sizeof signature);
	pga_text_addf(&whose, "%s" PGA_MINISIG, believing->where);
	if (whose.failed) {
		(void)pga_fail_memory(error);
		goto done;
	}
	if (pga_minisign_signature_read(&signature, pga_text_string(&whose),
					pga_text_string(&believing->signature),
					believing->signature.length, error) != 0)
		goto done;
	key = pga_profile_key_of(&believing->keys, &signature);
	if (key == NULL) {
		(void)fail_unknown_key(believing, &signature, error);
		goto done;
	}
	if (pga_minisign_verify(&signature, key, pga_text_string(&whose),
				pga_text_string(&believing->bytes), believing->bytes.length,
				error) != 0)
		goto done;
	fetched->is_signed = true;
	memcpy(fetched->key_id, key->id, sizeof fetched->key_id);
	memcpy(fetched->key, key->text, sizeof fetched->key);
	fetched->comment = signature.comment;
	signature.comment = NULL;
	result = 0;
done:
	pga_minisign_signature_free(&signature);
	pga_text_free(&whose);
	return result;
}

static int check_owner(const struct pga_believing *believing, struct pga_error *error)
{
	struct pga_error why;

	if (pga_check_ownership(believing->where, geteuid(), "the profile", &why) == 0)
		return 0;
	return pga_fail(error,
			"copy it to a place that only you can write, once you know that it is the "
			"right one (chmod go-w); --sha256 HEX does without",
			"somebody else could have written the profile: %s", why.message);
}

int pga_believe(struct pga_believing *believing, struct pga_error *error)
{
	if (take_digest(believing, error) != 0)
		return -1;
	believing->fetched->trust = believing->otherwise;
	if (believing->wanted_digest[0] != '\0')
		believing->fetched->trust = PGA_PROFILE_BY_DIGEST;
	if (believing->has_signature) {
		if (take_signature(believing, error) != 0)
			return -1;
		if (believing->otherwise != PGA_PROFILE_BY_SYSTEM)
			believing->fetched->trust = PGA_PROFILE_BY_SIGNATURE;
	} else if (believing->wants_signature) {
		return pga_fail(error, "sign it: minisign -S -m FILE",
				"%s: it is not signed: there is no %s" PGA_MINISIG,
				believing->where, believing->where);
	}
	return believing->fetched->trust == PGA_PROFILE_BY_OWNER ? check_owner(believing, error)
								 : 0;
}

void pga_believing_free(struct pga_believing *believing)
{
	pga_text_free(&believing->bytes);
	pga_text_free(&believing->signature);
	pga_profile_keys_free(&believing->keys);
	free(believing->where);
}
