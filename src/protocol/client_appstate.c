/*
 * client_appstate.c
 *		App state: what the account's other devices have set.  Sheet 2 section 8.
 */
#include "client_internal.h"

WaStatus
client_blob(WaClient *client, uint32_t id, const void *data, size_t len, WaNow now)
{
	(void) id;
	(void) data;
	client->now = now;
	return len > CLIENT_MAX_BLOB ? WA_ERR_LIMIT : WA_OK;
}

void
client_blob_failed(WaClient *client, uint32_t id, bool gone, WaNow now)
{
	(void) id;
	(void) gone;
	client->now = now;
}

void
client_appstate_keys(WaClient *client, const WaAppStateKey *keys, size_t n)
{
	(void) client;
	(void) keys;
	(void) n;
}
