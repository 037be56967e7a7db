/*
 * facts.c
 *		Events of the protocol core as JSON.
 *
 * Whatever a server or a person sends, the fact is one valid JSON object that
 * jsonb accepts, with strings of bounded length and times that PostgreSQL can
 * represent.
 */
#include "facts.h"

#include "put.h"

/* ---- values ---- */

static void
put_node(WaJson *json, const char *key, const WaNode *node)
{
	WaStr text;

	if (node == NULL)
		return;
	text = node_to_json(node->arena, node);
	if (text.data == NULL)
	{
		if (json->status == WA_OK)
			json->status = node->arena->status == WA_ERR_LIMIT ? WA_ERR_LIMIT : WA_ERR_NOMEM;
		return;
	}
	if (text.len <= FACTS_MAX_RAW)
	{
		json_raw(json, key, text);
		return;
	}
	json_begin_object(json, key);
	put_name(json, "tag", node->tag);
	json_int(json, "omitted_bytes", (int64_t) text.len);
	json_end_object(json);
}

/* ---- people ---- */

static void
put_people(WaJson *json, const char *key, const WaParticipant *people)
{
	json_begin_array(json, key);
	for (const WaParticipant *person = people; person != NULL; person = person->next)
	{
		json_begin_object(json, NULL);
		put_identity_members(json, &person->who);
		json_cstr(json, "role", group_role_name(person->role));
		put_name(json, "label", person->label);
		put_time(json, "joined_at", person->joined_at);
		put_name(json, "error", person->error);
		json_end_object(json);
	}
	json_end_array(json);
}

/* ---- groups ---- */

static bool
says_nothing(const WaGroupSettings *settings)
{
	return settings->announce < 0 && settings->locked < 0 && settings->join_approval < 0 &&
		   settings->ephemeral_seconds < 0 && settings->member_add_mode.data == NULL &&
		   settings->member_link_mode.data == NULL;
}

static void
put_settings(WaJson *json, const WaGroupSettings *settings)
{
	if (says_nothing(settings))
		return;
	json_begin_object(json, "settings");
	put_flag(json, "announce", settings->announce);
	put_flag(json, "locked", settings->locked);
	put_flag(json, "join_approval", settings->join_approval);
	put_number(json, "ephemeral_seconds", settings->ephemeral_seconds);
	put_name(json, "member_add_mode", settings->member_add_mode);
	put_name(json, "member_link_mode", settings->member_link_mode);
	json_end_object(json);
}

/* A mention's silence means unknown, metadata's silence means no. */
static void
put_group_flag(WaJson *json, const char *key, const WaGroup *group, bool flag)
{
	if (flag || !group->partial)
		json_bool(json, key, flag);
}

static void
put_group(WaJson *json, const char *key, const WaGroup *group)
{
	json_begin_object(json, key);
	put_name(json, "jid", group->jid);
	put_text(json, "subject", group->subject);
	put_time(json, "subject_at", group->subject_at);
	put_identity(json, "subject_by", &group->subject_by);
	put_time(json, "created_at", group->created_at);
	put_identity(json, "creator", &group->creator);
	put_text(json, "description", group->description);
	put_name(json, "description_id", group->description_id);
	put_time(json, "description_at", group->description_at);
	put_identity(json, "description_by", &group->description_by);
	put_number(json, "size", group->size);
	put_name(json, "addressing_mode", group->addressing_mode);
	put_number(json, "version", group->version);
	put_settings(json, &group->settings);
	put_name(json, "parent_jid", group->parent_jid);
	put_group_flag(json, "is_parent", group, group->is_parent);
	put_group_flag(json, "is_default_subgroup", group, group->is_default_subgroup);
	put_group_flag(json, "incognito", group, group->incognito);
	put_group_flag(json, "suspended", group, group->suspended);
	json_bool(json, "complete", group->complete);
	json_bool(json, "partial", group->partial);
	put_name(json, "error", group->error);
	put_people(json, "participants", group->participants);
	json_end_object(json);
}

static void
put_change(WaJson *json, const WaGroupChange *change)
{
	put_name(json, "group", change->group_jid);
	put_name(json, "notification", change->notification_id);
	json_int(json, "ordinal", change->ordinal);
	put_name(json, "kind", change->kind);
	json_bool(json, "known", change->known);
	put_time(json, "at", change->at);
	json_bool(json, "offline", change->offline);
	put_identity(json, "actor", &change->actor);
	put_name(json, "reason", change->reason);
	put_number(json, "version_before", change->version_before);
	put_number(json, "version_after", change->version_after);
	put_people(json, "targets", change->targets);
	put_text(json, "text", change->text);
	put_name(json, "text_id", change->text_id);
	put_name(json, "parent_jid", change->parent_jid);
	put_settings(json, &change->settings);
	json_bool(json, "roster_incomplete", change->roster_incomplete);
	if (change->groups != NULL)
	{
		put_group(json, "carried", change->groups);
		if (change->groups->next != NULL)
		{
			json_begin_array(json, "also_carried");
			for (const WaGroup *group = change->groups->next; group != NULL; group = group->next)
				put_group(json, NULL, group);
			json_end_array(json);
		}
	}
	put_node(json, "raw", change->node);
}

/* ---- receipts ---- */

/* The others are for the client: to send a message or a file again. */
static bool
is_about_people(WaReceiptKind kind)
{
	switch (kind)
	{
		case RECEIPT_OTHER:
		case RECEIPT_RETRY:
		case RECEIPT_REUPLOAD:
			return false;
		case RECEIPT_REFUSED:
		case RECEIPT_SENDER:
		case RECEIPT_DELIVERED:
		case RECEIPT_READ:
		case RECEIPT_PLAYED:
			break;
	}
	return true;
}

static bool
tells_of_people(const WaReceipt *receipt)
{
	for (size_t i = 0; i < receipt->n_entries; i++)
	{
		if (is_about_people(receipt->entries[i].kind))
			return true;
	}
	return false;
}

/* ---- events ---- */

static void
put_status(WaJson *json, const WaEvent *event)
{
	json_cstr(json, "status", client_status_name(event->status.status));
	json_cstr(json, "reason", event->status.reason);
	if (event->status.code != 0)
		json_int(json, "code", event->status.code);
	put_text(json, "detail", event->status.detail);
	json_cstr(json, "hint", event->status.hint);
	put_time(json, "until", event->status.until);
	put_seconds(json, "retry_in", event->status.retry_in_us);
}

static void
put_aliases(WaJson *json, const WaEvent *event)
{
	json_cstr(json, "source", event->aliases.source);
	json_begin_array(json, "pairs");
	for (const WaAlias *alias = event->aliases.list; alias != NULL; alias = alias->next)
	{
		json_begin_object(json, NULL);
		put_name(json, "lid", alias->lid);
		put_name(json, "pn", alias->pn);
		json_bool(json, "authoritative", alias->authoritative);
		json_end_object(json);
	}
	json_end_array(json);
}

static void
put_group_list(WaJson *json, const WaEvent *event)
{
	put_wall(json, "asked_at", event->group_list.asked_us);
	json_begin_array(json, "jids");
	for (int i = 0; i < event->group_list.count; i++)
		put_name(json, NULL, event->group_list.jids[i]);
	json_end_array(json);
}

static void
put_receipt(WaJson *json, const WaReceipt *receipt)
{
	put_name(json, "chat", receipt->chat);
	put_name(json, "type", receipt->type);
	json_begin_array(json, "entries");
	for (size_t i = 0; i < receipt->n_entries; i++)
	{
		const WaReceiptEntry *entry = &receipt->entries[i];

		if (!is_about_people(entry->kind))
			continue;
		json_begin_object(json, NULL);
		put_name(json, "id", entry->id);
		put_identity(json, "who", &entry->who);
		json_cstr(json, "kind", receipt_kind_name(entry->kind));
		put_time(json, "at", entry->at);
		json_bool(json, "by_self", entry->by_self);
		json_end_object(json);
	}
	json_end_array(json);
}

static void
put_notice(WaJson *json, const WaEvent *event)
{
	const WaHistoryNotice *notice = event->history_notice.notice;

	put_name(json, "id", event->history_notice.id);
	put_time(json, "at", event->history_notice.at);
	json_int(json, "sync_type", notice->sync_type);
	put_count(json, "chunk", notice->chunk);
	put_count(json, "progress", notice->progress);
	put_time(json, "oldest_at", notice->oldest_at);
	put_media(json, "media", &notice->media);
	json_base64(json, "payload", notice->payload);
	put_name(json, "request_id", notice->request_id);
	put_name(json, "original_id", notice->original_id);
}

/* The fact's own members; the common ones are written already. */
static void
put_event(WaJson *json, const WaEvent *event)
{
	switch (event->kind)
	{
		case EVENT_STATUS:
			put_status(json, event);
			break;
		case EVENT_ALIASES:
			put_aliases(json, event);
			break;
		case EVENT_GROUP:
			json_cstr(json, "source", event->group.source);
			put_wall(json, "asked_at", event->group.asked_us);
			put_group(json, "group", event->group.group);
			break;
		case EVENT_GROUP_LIST:
			put_group_list(json, event);
			break;
		case EVENT_GROUP_CHANGE:
			put_change(json, event->change);
			break;
		case EVENT_GROUP_GONE:
			put_name(json, "group", event->gone_jid);
			break;
		case EVENT_NUMBER_CHANGE:
			put_identity(json, "before", &event->number_change.before);
			put_identity(json, "after", &event->number_change.after);
			break;
		case EVENT_RAW:
			put_name(json, "tag", event->raw.tag);
			put_name(json, "type", event->raw.type);
			put_name(json, "id", event->raw.id);
			put_name(json, "from", event->raw.from);
			put_node(json, "node", event->raw.node);
			break;
		case EVENT_CAUGHT_UP:
			put_number(json, "announced", event->caught_up.announced);
			json_int(json, "received", event->caught_up.received);
			json_bool(json, "covered", event->caught_up.covered);
			break;
		case EVENT_RECEIPT:
			put_receipt(json, event->receipt);
			break;
		case EVENT_IDENTITY_CHANGE:
			put_identity(json, "who", &event->identity_change.who);
			break;
		case EVENT_HISTORY_NOTICE:
			put_notice(json, event);
			break;
		case EVENT_QR:
		case EVENT_PAIR_CODE:
		case EVENT_DEVICE:
		case EVENT_PREKEYS:
		case EVENT_PREKEYS_UPLOADED:
		case EVENT_RECORDS:
		case EVENT_MESSAGE:
		case EVENT_MEDIA_HOSTS:
		case EVENT_APP_ACTIONS:
		case EVENT_UPLOAD_ANSWER:
		case EVENT_BLOB_WANTED:
			break; /* no facts: facts_write does not come here */
	}
}

/* NULL: the event is no fact, or one that tells nothing. */
static const char *
fact_name(const WaEvent *event)
{
	switch (event->kind)
	{
		case EVENT_STATUS:
			return "status";
		case EVENT_ALIASES:
			return "aliases";
		case EVENT_GROUP:
			return "group";
		case EVENT_GROUP_LIST:
			return "group_list";
		case EVENT_GROUP_GONE:
			return "group_gone";
		case EVENT_GROUP_CHANGE:
			return "group_change";
		case EVENT_NUMBER_CHANGE:
			return "number_change";
		case EVENT_CAUGHT_UP:
			return "caught_up";
		case EVENT_RAW:
			return "raw";
		case EVENT_RECEIPT:
			return tells_of_people(event->receipt) ? "receipt" : NULL;
		case EVENT_IDENTITY_CHANGE:
			return "identity_change";
		case EVENT_HISTORY_NOTICE:
			return "history_notice";
		case EVENT_QR:
		case EVENT_PAIR_CODE:
		case EVENT_DEVICE:
		case EVENT_PREKEYS:
		case EVENT_PREKEYS_UPLOADED:
		case EVENT_RECORDS:
		case EVENT_MESSAGE:
		case EVENT_MEDIA_HOSTS:
		case EVENT_APP_ACTIONS:
		case EVENT_UPLOAD_ANSWER:
		case EVENT_BLOB_WANTED:
			break;
	}
	return NULL;
}

bool
facts_write(const WaEvent *event, int64_t received_us, WaBuf *out, WaStatus *status)
{
	const char *name = fact_name(event);
	WaJson json;

	*status = WA_OK;
	if (name == NULL)
		return false;
	json_init(&json, out);
	json_begin_object(&json, NULL);
	json_cstr(&json, "fact", name);
	put_wall(&json, "received_at", received_us);
	put_event(&json, event);
	json_end_object(&json);
	*status = json.status;
	return true;
}

/* ---- what the account's other devices set ---- */

static void
put_action(WaJson *json, const WaAppAction *action)
{
	switch (action->kind)
	{
		case APP_CONTACT:
			put_identity(json, "who", &action->who);
			put_name(json, "full_name", action->name);
			put_name(json, "first_name", action->first_name);
			if (action->name.data == NULL && action->first_name.data == NULL)
				json_bool(json, "removed", true);
			break;
		case APP_PUSH_NAME:
		{
			WaIdentity who = action->who;

			who.push_name = action->name;
			json_begin_array(json, "people");
			put_identity(json, NULL, &who);
			json_end_array(json);
			break;
		}
		case APP_MUTE:
			/* for ever ends with the last second there is */
			put_name(json, "chat", action->chat);
			if (!action->on)
				json_int(json, "muted_until", 0);
			else if (action->until_ms < 0 || action->until_ms / 1000 > PUT_MAX_TIME)
				json_int(json, "muted_until", PUT_MAX_TIME);
			else
				json_int(json, "muted_until", action->until_ms / 1000);
			break;
		case APP_PIN:
			put_name(json, "chat", action->chat);
			json_bool(json, "pinned", action->on);
			break;
		case APP_ARCHIVE:
			put_name(json, "chat", action->chat);
			json_bool(json, "archived", action->on);
			break;
		case APP_LABEL:
			put_name(json, "id", action->id);
			put_name(json, "name", action->name);
			json_int(json, "color", action->color);
			json_bool(json, "deleted", !action->on);
			break;
		case APP_CHAT_LABEL:
		case APP_MESSAGE_LABEL:
			put_name(json, "id", action->id);
			put_name(json, "chat", action->chat);
			put_name(json, "message", action->message);
			json_bool(json, "on", action->on);
			break;
	}
}

static const char *
action_fact(const WaAppAction *action)
{
	switch (action->kind)
	{
		case APP_CONTACT:
			return identity_is_known(&action->who) ? "contact" : NULL;
		case APP_PUSH_NAME:
			return identity_is_known(&action->who) ? "people" : NULL;
		case APP_MUTE:
		case APP_PIN:
		case APP_ARCHIVE:
			return "chat";
		case APP_LABEL:
			return "label";
		case APP_CHAT_LABEL:
			return "chat_label";
		case APP_MESSAGE_LABEL:
			return "message_label";
	}
	return NULL;
}

bool
facts_write_action(const WaAppAction *action, int64_t received_us, WaBuf *out, WaStatus *status)
{
	const char *name = action_fact(action);
	WaJson json;

	*status = WA_OK;
	if (name == NULL)
		return false;
	json_init(&json, out);
	json_begin_object(&json, NULL);
	json_cstr(&json, "fact", name);
	put_wall(&json, "received_at", received_us);
	json_cstr(&json, "source", "app_state");
	put_action(&json, action);
	if (action->at_ms > 0 && action->at_ms / 1000 <= PUT_MAX_TIME)
		put_wall(&json, "at", action->at_ms * 1000);
	json_end_object(&json);
	*status = json.status;
	return true;
}
