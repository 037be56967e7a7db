/*
 * sim_command_messages.c
 *		Requests about messages: saying, talking, and the truth about both.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_command.h"
#include "sim_message.h"

#define PAGE 5000

/* ---- saying ---- */

/* "4915…:2", "4915…" (all of its devices) or a device's JID; appends to the list. */
static bool
add_devices(const char *text, SimDevice ***list, int *n)
{
	SimAccount *account;
	char jid[64];
	WaJid parsed;

	if (text == NULL || strlen(text) > 40)
		return false;
	snprintf(jid, sizeof(jid), "%s%s", text, strchr(text, '@') == NULL ? "@s.whatsapp.net" : "");
	account = sim_account_by_jid(str_from(jid));
	if (account == NULL || jid_parse(str_from(jid), &parsed) != WA_OK)
		return false;
	for (SimDevice *device = account->devices; device != NULL; device = device->next)
	{
		if (device->removed || (parsed.device != 0 && parsed.device != device->id))
			continue;
		*list = sim_util_grow(*list, (size_t) (*n + 1) * sizeof(**list));
		(*list)[(*n)++] = device;
	}
	return true;
}

static const char *
read_devices(const SimCall *call, SimDevice ***list, int *n)
{
	json_t *names = json_object_get(call->in, "to_devices");

	for (size_t i = 0; i < json_array_size(names); i++)
	{
		if (!add_devices(json_string_value(json_array_get(names, i)), list, n))
			return "to_devices must be a list of numbers or device JIDs";
	}
	return names != NULL && *n == 0 ? "to_devices names no linked device" : NULL;
}

/* Something that was said in the same chat. */
static const char *
read_said(const SimCall *call, const char *key, const SimSay *say, SimSaid **out)
{
	const char *id = sim_command_text(call, key);

	if (id == NULL)
		return NULL;
	*out = sim_said_find(str_from(id), NULL);
	if (*out == NULL)
		return "target or reply is nothing that was said";
	if ((*out)->group != say->group)
		return "target or reply was said elsewhere";
	return NULL;
}

/* A picture, a poll, a vote, an answer, something that disappears; *rich false: nothing of these. */
static const char *
read_rich(const SimCall *call, const SimSay *say, WaBuf *out, SimEnvelope *envelope, bool *rich)
{
	json_t *text = json_object_get(call->in, "text");
	json_t *expires = json_object_get(call->in, "expires");
	json_t *poll = json_object_get(call->in, "poll");
	json_t *vote = json_object_get(call->in, "vote");
	const char *image = sim_command_text(call, "image");
	SimContent content = {{json_string_value(text), json_string_length(text)}, NULL, 0};
	SimSaid *reply = NULL;
	const char *error = read_said(call, "reply", say, &reply);

	content.reply = reply;
	content.expires = json_is_integer(expires) ? json_integer_value(expires) : 0;
	*rich = true;
	if (error != NULL)
		return error;
	if (image != NULL)
		error = sim_content_image(out, &content, image);
	else if (poll != NULL)
		error = sim_content_poll(out, &content, poll);
	else if (vote != NULL)
		error = sim_content_vote(out, say->from, say->target, vote);
	else if (json_is_string(text) && (reply != NULL || content.expires != 0))
		sim_content_text(out, &content);
	else
		*rich = false;
	if (*rich && error == NULL)
		sim_compose_classify(buf_data(out), buf_len(out), envelope);
	return error;
}

/* The Message, appended to out, and how it travels. */
static const char *
read_content(const SimCall *call, const SimSay *say, WaBuf *out, SimEnvelope *envelope)
{
	json_t *text = json_object_get(call->in, "text");
	json_t *reaction = json_object_get(call->in, "reaction");
	const char *base64 = sim_command_text(call, "message");
	WaStr words = {json_string_value(text), json_string_length(text)};
	const char *error;
	bool rich;
	size_t len;

	if (base64 != NULL)
	{
		uint8_t *bytes;

		len = strlen(base64);
		bytes = sim_util_alloc(len + 1);
		if (crypto_base64_decode(base64, strlen(base64), bytes, &len) != WA_OK)
			len = 0;
		(void) buf_append(out, bytes, len);
		free(bytes);
		if (len == 0)
			return "message must be a Message in base64";
		sim_compose_classify(buf_data(out), len, envelope);
		return NULL;
	}
	error = read_rich(call, say, out, envelope, &rich);
	if (rich)
		return error;
	if (say->target == NULL && !json_is_string(text))
		return "text or message is needed";
	if (say->target == NULL)
	{
		*envelope = sim_compose_plain;
		sim_compose_text(out, words);
	}
	else if (json_is_string(reaction))
	{
		*envelope = sim_compose_reacting;
		sim_compose_reaction(out, say->from, say->target,
							 (WaStr){json_string_value(reaction), json_string_length(reaction)},
							 sim_util_now_us());
	}
	else if (json_is_string(text))
	{
		*envelope = sim_compose_editing;
		sim_compose_edit(out, say->target, words, sim_util_now_us());
	}
	else
	{
		*envelope = sim_compose_revoking;
		if (say->target->from != say->from)
			envelope->edit = "8";
		sim_compose_revoke(out, say->from, say->target);
	}
	return NULL;
}

static const char *
kept_text(const char *text, const char *otherwise)
{
	return text == NULL ? otherwise : text[0] == '\0' ? NULL : sim_util_copy(text);
}

/* What a test wants otherwise than it is usual. */
static const SimEnvelope *
read_envelope(const SimCall *call, SimEnvelope *envelope)
{
	int hide = sim_command_flag(call, "hide");
	json_t *meta = json_object_get(call->in, "meta");

	envelope->type = kept_text(sim_command_text(call, "type"), envelope->type);
	envelope->mediatype = kept_text(sim_command_text(call, "mediatype"), envelope->mediatype);
	envelope->edit = kept_text(sim_command_text(call, "edit"), envelope->edit);
	envelope->kind = kept_text(sim_command_text(call, "kind"), envelope->kind);
	if (envelope->kind == NULL)
		envelope->kind = "other";
	if (hide >= 0)
		envelope->hide = hide == 1;
	if (json_is_object(meta))
		envelope->meta = json_incref(meta);
	return memcpy(sim_util_alloc(sizeof(*envelope)), envelope, sizeof(*envelope));
}

/* to: a group's JID, a person's JID or number. */
static const char *
read_chat(const SimCall *call, SimSay *say)
{
	const char *to = sim_command_text(call, "to");
	const char *addressing = sim_command_text(call, "addressing");

	SIM_NEED(to, "to is needed");
	if (strstr(to, "@g.us") != NULL)
	{
		say->group = sim_group_find(to);
		SIM_NEED(say->group, SIM_NO_GROUP);
	}
	else
	{
		say->to = strchr(to, '@') != NULL ? sim_account_by_jid(str_from(to)) : sim_account_get(to);
		SIM_NEED(say->to, "to must be a group's JID, a person's JID or a number");
	}
	say->lid = addressing == NULL || strcmp(addressing, "pn") != 0;
	return NULL;
}

static const char *
read_damage(const SimCall *call, SimSay *say, SimDevice **devices, int n)
{
	const char *name = sim_command_text(call, "damage");
	json_t *count = json_object_get(call->in, "count");

	if (name == NULL)
	{
		say->only = devices;
		say->n_only = n;
		return NULL;
	}
	if (sim_say_damage(name) == N_SIM_DAMAGES)
		return "damage must be mac, no_skdm, no_session, garbage or unavailable";
	say->damage = sim_util_alloc(sizeof(*say->damage));
	say->damage->kind = sim_say_damage(name);
	say->damage->left = json_is_integer(count) ? (int) json_integer_value(count) : 1;
	say->damage->devices = devices;
	say->damage->n_devices = n;
	return NULL;
}

static void
put_said(json_t *out, const SimSaid *said)
{
	char id[64];

	sim_said_id(said, id);
	json_object_set_new(out, "id", json_string(id));
	json_object_set_new(out, "at", json_real((double) said->at_us / 1e6));
	json_object_set_new(out, "t", json_integer(said->at_us / WA_SECOND));
	json_object_set_new(out, "place", json_integer(said->place));
}

static const char *
do_say(SimCall *call)
{
	SimSay say = {.from = sim_command_account(call, "number"), .id = sim_command_text(call, "id")};
	SimDevice **devices = NULL;
	int n_devices = 0;
	SimEnvelope envelope;
	SimSaid *said;
	WaBuf message;
	const char *error;

	SIM_NEED(say.from, SIM_NO_NUMBER);
	if (say.id != NULL && (say.id[0] == '\0' || strlen(say.id) > 63))
		return "id is 1 to 63 bytes";
	error = read_chat(call, &say);
	if (error == NULL)
		error = read_said(call, "target", &say, &say.target);
	if (error == NULL)
		error = read_devices(call, &devices, &n_devices);
	if (error == NULL)
		error = read_damage(call, &say, devices, n_devices);
	if (error != NULL)
		return error;
	buf_init(&message, sim.env, 4 << 20);
	error = read_content(call, &say, &message, &envelope);
	if (error == NULL)
	{
		say.message = buf_data(&message);
		say.len = buf_len(&message);
		say.envelope = read_envelope(call, &envelope);
		error = sim_say(&say, &said);
	}
	buf_free(&message);
	if (error == NULL)
		put_said(call->out, said);
	/* damage keeps its list */
	if (say.damage == NULL)
		free(devices);
	return error;
}

static const char *
do_talk(SimCall *call)
{
	return sim_talk_start(call->in, call->out);
}

static const char *
do_talk_stop(SimCall *call)
{
	sim_talk_stop(call->out);
	return NULL;
}

static const char *
do_reinstall(SimCall *call)
{
	SimAccount *account = sim_command_account(call, "number");

	SIM_NEED(account, SIM_NO_NUMBER);
	sim_say_reinstall(account, sim_command_flag(call, "keep_devices") == 1);
	return NULL;
}

/* ---- the truth ---- */

static const char *
do_said(SimCall *call)
{
	const char *chat = sim_command_text(call, "chat");
	json_t *after = json_object_get(call->in, "after");
	json_t *limit = json_object_get(call->in, "limit");
	SimSay where = {NULL};
	int n = json_is_integer(limit) ? (int) json_integer_value(limit) : PAGE;

	if (chat != NULL && strstr(chat, "@g.us") != NULL)
	{
		where.group = sim_group_find(chat);
		SIM_NEED(where.group, SIM_NO_GROUP);
	}
	else if (chat != NULL)
	{
		where.to =
			strchr(chat, '@') != NULL ? sim_account_by_jid(str_from(chat)) : sim_account_find(chat);
		SIM_NEED(where.to, "chat must be a group's JID, a person's JID or a number");
	}
	if (n < 1 || n > 100000)
		return "limit is 1 to 100000";
	sim_said_page(where.group, where.to,
				  json_is_integer(after) ? (int64_t) json_integer_value(after) : -1, n, call->out);
	return NULL;
}

static const char *
do_receipts(SimCall *call)
{
	const char *id = sim_command_text(call, "id");
	const SimSaid *said = id == NULL ? NULL : sim_said_find(str_from(id), NULL);

	SIM_NEED(said, "id is nothing that was said");
	put_said(call->out, said);
	json_object_set_new(call->out, "receipts", sim_said_receipts(said));
	return NULL;
}

static const char *
do_heard(SimCall *call)
{
	SimAccount *account = sim_command_account(call, "number");
	json_t *after = json_object_get(call->in, "after");

	SIM_NEED(account, SIM_NO_NUMBER);
	sim_hear_page(account, json_is_integer(after) ? (int) json_integer_value(after) : -1,
				  call->out);
	return NULL;
}

const SimCommand sim_command_messages[] = {
	{"say", do_say},
	{"talk", do_talk},
	{"talk_stop", do_talk_stop},
	{"reinstall", do_reinstall},
	{"said", do_said},
	{"receipts", do_receipts},
	{"heard", do_heard},
	{NULL, NULL},
};
