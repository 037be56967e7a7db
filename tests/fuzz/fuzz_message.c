/*
 * fuzz_message.c
 *		A plaintext: whatever comes, what is told is bounded and is JSON; what
 *		others may not say is not believed; add-ons are opened with a made-up
 *		secret.  The first byte of the input says which allocation fails, 0 none;
 *		the second whose word it is.
 */
#include "target.h"
#include "addon.h"
#include "json.h"
#include "signal.h"

static const char secret[32];

static void
check(WaArena *arena, const WaMessage *message, const WaMessageScope *scope, unsigned depth)
{
	const WaProtocol *protocol = message->protocol;
	WaStr json = message_to_json(arena, message);

	TARGET_CHECK(depth <= MESSAGE_MAX_DEPTH);
	TARGET_CHECK(json.data == NULL || json_is_text(json));
	TARGET_CHECK(message->secret.data == NULL || message->secret.len == MESSAGE_SECRET_LEN);
	TARGET_CHECK(message->context.n_mentions <= MESSAGE_MAX_LIST);
	TARGET_CHECK(message->refusal == NULL || message->kind == MESSAGE_NONE);
	TARGET_CHECK(scope->from_self || (message->flags & MESSAGE_DEVICE_SENT) == 0);
	TARGET_CHECK(scope->from_self || protocol == NULL ||
				 (protocol->history == NULL && protocol->keys == NULL &&
				  protocol->aliases == NULL && protocol->results == NULL));
	for (size_t i = 0; i < message->context.n_mentions; i++)
		TARGET_CHECK(message->context.mentions[i].data != NULL);
	if (message->comment != NULL)
		check(arena, message->comment, &(WaMessageScope){0}, depth + 1);
	if (protocol != NULL && protocol->edited != NULL)
		check(arena, protocol->edited, &(WaMessageScope){0}, depth + 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	WaMessageScope scope = {0};
	WaArena arena;
	WaMessage message;
	WaStr plaintext;

	if (size < 2)
		return 0;
	arena_init(&arena, target_env(data[0]), 16 << 20);
	scope.from_self = data[1] & 1;
	scope.from_phone = data[1] & 2;
	scope.peer = data[1] & 4;
	if (signal_unpad(data[1] & 8 ? 2 : 3, (WaStr){(const char *) data + 2, size - 2}, &plaintext) ==
			WA_OK &&
		message_decode(&arena, plaintext, &scope, &message) == WA_OK)
	{
		check(&arena, &message, &scope, 0);
		if (message.addon != NULL)
		{
			WaAddonParties parties = {
				.secret = {secret, sizeof(secret)},
				.original_id = message.target.id,
				.original_by = identity_from(&arena, message.target.participant, WA_STR_NONE),
				.sender = identity_from(&arena, message.target.chat, WA_STR_NONE),
			};
			WaAddonContent content;

			(void) addon_open(&arena, message.addon, &parties, &content);
		}
	}
	arena_free(&arena);
	target_end();
	return 0;
}
