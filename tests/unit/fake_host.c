/*
 * fake_host.c
 *		A host in a test's memory.  See fake_host.h.
 */
#define _GNU_SOURCE /* memmem, vasprintf */
#include "fake_host.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST_ROUNDS 100000 /* a pump that needs more does not end */

/* ---- the table of records ---- */

/* A version of a record: the one with the last epoch that is stored counts. */
typedef struct HostRecord
{
	struct HostRecord *next;
	uint64_t epoch; /* 0: always there */
	WaRecord record;
} HostRecord;

static WaStr
copy_text(WaStr text)
{
	char *copy = malloc(text.len + 1);

	if (copy == NULL)
		abort();
	if (text.len > 0)
		memcpy(copy, text.data, text.len);
	return (WaStr){copy, text.len};
}

static void
free_record(HostRecord *row)
{
	free((void *) row->record.chat.data);
	free((void *) row->record.name.data);
	free((void *) row->record.data);
	free(row);
}

static bool
same_text(WaStr a, WaStr b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static bool
same_key(const WaRecord *a, const WaRecord *b)
{
	return a->kind == b->kind && a->number == b->number && same_text(a->chat, b->chat) &&
		   same_text(a->name, b->name);
}

static void
put_record(FakeHost *host, const WaRecord *record, uint64_t epoch)
{
	HostRecord *row = calloc(1, sizeof(*row));

	if (row == NULL)
		abort();
	row->epoch = epoch;
	row->record = *record;
	row->record.chat = copy_text(record->chat);
	row->record.name = copy_text(record->name);
	if (record->data != NULL)
		row->record.data =
			(const uint8_t *) copy_text((WaStr){(const char *) record->data, record->len}).data;
	row->next = host->records;
	host->records = row;
}

void
fake_host_put(FakeHost *host, const WaRecord *record)
{
	put_record(host, record, 0);
}

/* Drops those of later epochs; 0: all. */
static void
drop_records(FakeHost *host, uint64_t after)
{
	HostRecord **place = &host->records;

	while (*place != NULL)
	{
		HostRecord *row = *place;

		if (after > 0 && row->epoch <= after)
			place = &row->next;
		else
		{
			*place = row->next;
			free_record(row);
		}
	}
}

/* The newest stored version, newest first in the list; NULL for an older one. */
static const WaRecord *
stored_record(const FakeHost *host, const HostRecord *row)
{
	if (row->epoch > host->stored)
		return NULL;
	for (const HostRecord *other = host->records; other != row; other = other->next)
	{
		if (other->epoch <= host->stored && same_key(&other->record, &row->record))
			return NULL;
	}
	return row->record.data == NULL ? NULL : &row->record;
}

static bool
is_needed(const WaNeed *need, const WaRecord *record)
{
	return (need->kinds & RECORD_BIT(record->kind)) != 0 &&
		   (need->any_chat || same_text(need->chat, record->chat)) &&
		   (need->any_name || same_text(need->name, record->name)) &&
		   (need->any_number || need->number == record->number);
}

static bool
supply(FakeHost *host)
{
	WaNeed need;

	if (host->hungry || (client_wants(host->client) & CLIENT_WANTS_RECORDS) == 0)
		return false;
	while (client_next_need(host->client, &need))
	{
		host->looked_up++;
		for (const HostRecord *row = host->records; row != NULL; row = row->next)
		{
			const WaRecord *record = stored_record(host, row);

			if (record != NULL && is_needed(&need, record) &&
				client_supply(host->client, record) != WA_OK)
				host->errors++;
		}
	}
	client_supplied(host->client, host->now);
	return true;
}

int
fake_host_records(const FakeHost *host, WaRecordKind kind, const char *text)
{
	int count = 0;

	for (const HostRecord *row = host->records; row != NULL; row = row->next)
	{
		const WaRecord *record = stored_record(host, row);

		if (record == NULL || record->kind != kind)
			continue;
		if (text == NULL ||
			memmem(record->chat.data, record->chat.len, text, strlen(text)) != NULL ||
			memmem(record->name.data, record->name.len, text, strlen(text)) != NULL)
			count++;
	}
	return count;
}

/* ---- its life ---- */

void
fake_host_init(FakeHost *host)
{
	memset(host, 0, sizeof(*host));
	test_env_init(&host->env);
	test_env_init(&host->server_env);
	host->server_env.seed = 99;
	host->seed = 7;
	host->now = (WaNow){.mono_us = 1000 * WA_SECOND, .wall_us = HOST_WALL_US};
	client_config_defaults(&host->config);
	host->config.env = test_env(&host->env);
	host->config.prekey_batch = 20;
	buf_init(&host->trace, test_env(&host->server_env), 64 << 20);
	fake_server_init(&host->server, test_env(&host->server_env), HOST_WALL_US);
	memcpy(host->config.root_key, host->server.root.public_key, 32);
}

void
fake_host_open(FakeHost *host, const WaDevice *device)
{
	WaDevice fresh;

	host->server_env.seed = 4711; /* the same run again has the same keys */
	if (device == NULL)
	{
		if (device_create(test_env(&host->server_env), &fresh) != WA_OK)
			abort();
		device = &fresh;
	}
	host->device = host->stored_device = *device;
	if (client_create(&host->config, device, &host->client) != WA_OK)
		host->client = NULL;
}

void
fake_host_free(FakeHost *host)
{
	client_destroy(host->client);
	host->client = NULL;
	fake_server_free(&host->server);
	buf_free(&host->trace);
	drop_records(host, 0);
}

void
fake_host_again(FakeHost *host)
{
	buf_free(&host->trace);
	fake_server_free(&host->server);
	test_env_init(&host->env);
	test_env_init(&host->server_env);
	host->server_env.seed = 99;
	host->now = (WaNow){.mono_us = 1000 * WA_SECOND, .wall_us = HOST_WALL_US};
	fake_server_again(&host->server);
	drop_records(host, 0);
	host->wired = false;
	host->last_epoch = host->stored = 0;
	host->errors = 0;
	host->status = BOT_OFFLINE;
	host->qr[0] = host->reason[0] = '\0';
}

bool
fake_host_sound(const FakeHost *host)
{
	static const char *const faults[] = {
		"EPOCH JUMPS",           "STANZA WITHOUT BYTES",  "SERVER CANNOT READ", "NO END",
		"DEADLINE STANDS STILL", "MESSAGE WITHOUT SENSE", "EVENT WHILE HUNGRY",
	};

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
	{
		if (fake_host_count(host, faults[i]) > 0)
			return false;
	}
	return true;
}

/* ---- the trace ---- */

static void __attribute__((format(printf, 2, 3))) note(FakeHost *host, const char *fmt, ...)
{
	char line[2048];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (len >= (int) sizeof(line))
		len = sizeof(line) - 1;
	if (buf_append(&host->trace, line, (size_t) len) != WA_OK ||
		buf_append(&host->trace, "\n", 1) != WA_OK)
		abort();
}

static void
copy(char *to, size_t size, WaStr from)
{
	snprintf(to, size, "%.*s", (int) from.len, from.data != NULL ? from.data : "");
}

static void
note_status(FakeHost *host, const WaEvent *event)
{
	host->status = event->status.status;
	host->status_code = event->status.code;
	host->until = event->status.until;
	host->retry_in_us = event->status.retry_in_us;
	copy(host->reason, sizeof(host->reason), str_from(event->status.reason));
	copy(host->detail, sizeof(host->detail), event->status.detail);
	copy(host->hint, sizeof(host->hint), str_from(event->status.hint));
	note(host, "status %s reason=%s code=%d", client_status_name(event->status.status),
		 host->reason, event->status.code);
}

/* "message live read chat id sender text: hello" */
static void
note_message(FakeHost *host, const WaMessageNews *news)
{
	static const char *const states[] = {"read", "pending", "unavailable"};
	const WaMessageSource *source = news->source;

	note(host, "message %s %s %.*s %.*s %.*s me=%d %s: %.*s", news->origin, states[news->state],
		 (int) source->chat.len, source->chat.data, (int) source->id.len, source->id.data,
		 (int) source->sender.len, source->sender.data, source->from_me,
		 news->content != NULL ? message_kind_name(news->content->kind) : news->trouble,
		 news->content != NULL ? (int) news->content->body.len : 0,
		 news->content != NULL ? news->content->body.data : "");
	if (news->content == NULL)
		note(host, "attempts=%u phone=%d", news->attempts, news->phone_asked);
	if ((news->content != NULL) != (news->state == MESSAGE_READ) ||
		(news->content == NULL) != (news->trouble != NULL))
		note(host, "MESSAGE WITHOUT SENSE");
}

/* "app 0 lid pn chat id name on": the kind is its number */
static void
note_action(FakeHost *host, const WaAppAction *action)
{
	const WaStr texts[] = {action->who.lid, action->who.pn, action->chat, action->id, action->name};
	char line[600];
	size_t len = 0;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		if (texts[i].data != NULL && len < sizeof(line))
			len += (size_t) snprintf(line + len, sizeof(line) - len, " %.*s", (int) texts[i].len,
									 texts[i].data);
	}
	note(host, "app %d%.*s on=%d", action->kind, (int) len, line, action->on);
}

static void
note_event(FakeHost *host, const WaEvent *event)
{
	if ((client_wants(host->client) & CLIENT_WANTS_RECORDS) != 0)
		note(host, "EVENT WHILE HUNGRY");
	if (event->epoch != host->last_epoch + 1)
		note(host, "EPOCH JUMPS");
	host->last_epoch = event->epoch;
	switch (event->kind)
	{
		case EVENT_STATUS:
			note_status(host, event);
			break;
		case EVENT_QR:
			copy(host->qr, sizeof(host->qr), event->qr.content);
			note(host, "qr valid=%d left=%d %s", (int) (event->qr.valid_us / WA_SECOND),
				 event->qr.left, host->qr);
			break;
		case EVENT_PAIR_CODE:
			copy(host->code, sizeof(host->code), event->pair_code.code);
			note(host, "pair_code %s error=%d %.*s", host->code, event->pair_code.error,
				 (int) event->pair_code.error_text.len, event->pair_code.error_text.data);
			break;
		case EVENT_DEVICE:
			host->device = *client_device(host->client);
			note(host, "device jid=%s", host->device.jid);
			break;
		case EVENT_PREKEYS:
			note(host, "prekeys %u..%u", event->prekeys.keys[0].id,
				 event->prekeys.keys[event->prekeys.count - 1].id);
			for (int i = 0; i < event->prekeys.count; i++)
			{
				WaRecord record = {.kind = RECORD_PREKEY,
								   .number = event->prekeys.keys[i].id,
								   .data = event->prekeys.keys[i].pair.private_key,
								   .len = CRYPTO_KEY_LEN};

				put_record(host, &record, event->epoch);
			}
			break;
		case EVENT_PREKEYS_UPLOADED:
			note(host, "uploaded %u..%u", event->prekeys_uploaded.first_id,
				 event->prekeys_uploaded.last_id);
			break;
		case EVENT_ALIASES:
			for (const WaAlias *alias = event->aliases.list; alias != NULL; alias = alias->next)
				note(host, "alias %s %.*s %.*s", event->aliases.source, (int) alias->lid.len,
					 alias->lid.data, (int) alias->pn.len, alias->pn.data);
			break;
		case EVENT_GROUP:
			note(host, "group %s %.*s people=%d", event->group.source,
				 (int) event->group.group->jid.len, event->group.group->jid.data,
				 event->group.group->n_participants);
			break;
		case EVENT_GROUP_LIST:
			note(host, "group_list %d", event->group_list.count);
			break;
		case EVENT_GROUP_CHANGE:
			note(host, "change %.*s %.*s", (int) event->change->group_jid.len,
				 event->change->group_jid.data, (int) event->change->kind.len,
				 event->change->kind.data);
			break;
		case EVENT_GROUP_GONE:
			note(host, "gone %.*s", (int) event->gone_jid.len, event->gone_jid.data);
			break;
		case EVENT_NUMBER_CHANGE:
			note(host, "number %.*s -> %.*s", (int) event->number_change.before.pn.len,
				 event->number_change.before.pn.data, (int) event->number_change.after.pn.len,
				 event->number_change.after.pn.data);
			break;
		case EVENT_RAW:
			note(host, "raw %.*s %.*s", (int) event->raw.tag.len, event->raw.tag.data,
				 (int) event->raw.type.len, event->raw.type.data);
			break;
		case EVENT_CAUGHT_UP:
			host->covered = event->caught_up.covered;
			note(host, "caught_up announced=%d received=%d covered=%d", event->caught_up.announced,
				 event->caught_up.received, event->caught_up.covered);
			break;
		case EVENT_RECORDS:
			note(host, "records %d", event->records.count);
			for (int i = 0; i < event->records.count; i++)
				put_record(host, &event->records.list[i], event->epoch);
			break;
		case EVENT_MESSAGE:
			note_message(host, event->message);
			break;
		case EVENT_RECEIPT:
			for (size_t i = 0; i < event->receipt->n_entries; i++)
				note(host, "receipt %.*s %s %.*s %.*s", (int) event->receipt->chat.len,
					 event->receipt->chat.data, receipt_kind_name(event->receipt->entries[i].kind),
					 (int) event->receipt->entries[i].id.len, event->receipt->entries[i].id.data,
					 (int) event->receipt->entries[i].device.len,
					 event->receipt->entries[i].device.data);
			break;
		case EVENT_IDENTITY_CHANGE:
			note(host, "identity %.*s %.*s", (int) event->identity_change.who.lid.len,
				 event->identity_change.who.lid.data, (int) event->identity_change.who.pn.len,
				 event->identity_change.who.pn.data);
			break;
		case EVENT_HISTORY_NOTICE:
			note(host, "history %.*s type=%d chunk=%u", (int) event->history_notice.id.len,
				 event->history_notice.id.data, event->history_notice.notice->sync_type,
				 event->history_notice.notice->chunk);
			break;
		case EVENT_MEDIA_HOSTS:
			note(host, "media hosts=%d valid=%d", event->media_hosts.count,
				 (int) (event->media_hosts.valid_us / WA_SECOND));
			for (int i = 0; i < event->media_hosts.count; i++)
				note(host, "host %.*s", (int) event->media_hosts.hosts[i].len,
					 event->media_hosts.hosts[i].data);
			break;
		case EVENT_APP_ACTIONS:
			for (int i = 0; i < event->app_actions.count; i++)
				note_action(host, &event->app_actions.list[i]);
			break;
		case EVENT_UPLOAD_ANSWER:
			note(host, "uploaded %.*s payload=%zu iv=%zu", (int) event->upload_answer.id.len,
				 event->upload_answer.id.data, event->upload_answer.payload.len,
				 event->upload_answer.iv.len);
			break;
		case EVENT_BLOB_WANTED:
			host->blob_id = event->blob.id;
			note(host, "blob %.*s", (int) event->blob.media->direct_path.len,
				 event->blob.media->direct_path.data);
			break;
	}
	if ((event->stanza != 0) != (event->stanza_bytes.len > 0))
		note(host, "STANZA WITHOUT BYTES");
}

int
fake_host_count(const FakeHost *host, const char *text)
{
	const char *at = (const char *) buf_data(&host->trace);
	const char *end = at + buf_len(&host->trace);
	int count = 0;

	while (at != NULL && at < end &&
		   (at = memmem(at, (size_t) (end - at), text, strlen(text))) != NULL)
	{
		count++;
		at++;
	}
	return count;
}

void
fake_host_clear(FakeHost *host)
{
	buf_free(&host->trace);
	fake_server_clear_log(&host->server);
}

/* ---- moving ---- */

static bool
pull(FakeHost *host)
{
	WaEvent event;
	bool moved = false;

	while (client_next_event(host->client, &event, host->now) == 1)
	{
		note_event(host, &event);
		moved = true;
	}
	if (!host->hold)
		fake_host_store(host);
	return supply(host) || moved;
}

void
fake_host_store(FakeHost *host)
{
	host->stored = host->last_epoch;
	host->stored_device = host->device;
	client_persisted(host->client, host->last_epoch);
}

static bool
write_out(FakeHost *host)
{
	const uint8_t *data;
	size_t len;

	client_output(host->client, &data, &len);
	if (len == 0 || !host->wired)
		return false;
	host->bytes_out += len;
	if (!fake_server_feed(&host->server, data, len))
		note(host, "SERVER CANNOT READ");
	client_output_sent(host->client, len);
	return true;
}

/* One piece of what the server has said. */
static bool
read_in(FakeHost *host)
{
	WaBuf *out = &host->server.out;
	size_t len = buf_len(out);
	uint8_t piece[65536];

	if (len == 0 || !host->wired)
		return false;
	if (host->feed == FEED_BYTES)
		len = 1;
	else if (host->feed == FEED_RANDOM)
	{
		size_t want;

		host->seed = host->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		want = (size_t) (host->seed >> 33) % 50 + 1;
		len = want < len ? want : len;
	}
	if (len > sizeof(piece))
		len = sizeof(piece);
	memcpy(piece, buf_data(out), len);
	buf_consume(out, len);
	if (client_feed(host->client, piece, len, host->now) != WA_OK)
		host->errors++;
	return true;
}

static void
hang_up(FakeHost *host, const char *why)
{
	host->wired = false;
	fake_server_close(&host->server);
	client_disconnected(host->client, why, host->now);
}

static bool
connect_or_close(FakeHost *host)
{
	unsigned wants = client_wants(host->client);

	if ((wants & CLIENT_WANTS_CONNECT) != 0)
	{
		if (host->refuse != NULL)
			client_disconnected(host->client, host->refuse, host->now);
		else
		{
			fake_server_accept(&host->server);
			host->wired = true;
			if (client_connected(host->client, host->now) != WA_OK)
				host->errors++;
		}
		return true;
	}
	if ((wants & CLIENT_WANTS_CLOSE) != 0 && (wants & CLIENT_WANTS_WRITE) == 0)
	{
		hang_up(host, "closed");
		return true;
	}
	if (host->wired && host->server.closing && buf_len(&host->server.out) == 0)
	{
		hang_up(host, "closed by server");
		return true;
	}
	return false;
}

static bool
step(FakeHost *host)
{
	bool moved = pull(host);

	moved |= write_out(host);
	moved |= read_in(host);
	moved |= connect_or_close(host);
	return moved;
}

void
fake_host_steps(FakeHost *host, int steps)
{
	while (steps-- > 0 && step(host))
		;
}

void
fake_host_pump(FakeHost *host)
{
	for (int round = 0; round < HOST_ROUNDS; round++)
	{
		if (!step(host))
			return;
	}
	note(host, "NO END");
}

void
fake_host_advance(FakeHost *host, int64_t us)
{
	int64_t end = host->now.mono_us + us;
	int64_t offset = host->now.wall_us - host->now.mono_us;

	fake_host_pump(host);
	for (int round = 0; round < HOST_ROUNDS; round++)
	{
		int64_t deadline = client_deadline(host->client);

		if (deadline > end)
			break;
		if (deadline > host->now.mono_us)
			host->now.mono_us = deadline;
		host->now.wall_us = host->now.mono_us + offset;
		host->server.wall_us = host->now.wall_us;
		client_tick(host->client, host->now);
		fake_host_pump(host);
		if (round == HOST_ROUNDS - 1)
			note(host, "DEADLINE STANDS STILL");
	}
	host->now.mono_us = end;
	host->now.wall_us = end + offset;
	host->server.wall_us = host->now.wall_us;
}

void
fake_host_crash(FakeHost *host)
{
	client_destroy(host->client);
	host->client = NULL;
	host->wired = false;
	fake_server_close(&host->server);
	drop_records(host, host->stored);
	for (HostRecord *row = host->records; row != NULL; row = row->next)
		row->epoch = 0; /* epochs begin anew */
	host->last_epoch = host->stored = 0;
	host->device = host->stored_device;
	if (client_create(&host->config, &host->device, &host->client) != WA_OK)
		abort();
	client_start(host->client, host->now);
}

void
fake_host_cut(FakeHost *host)
{
	if (host->wired)
		hang_up(host, "reset");
	fake_host_pump(host);
}

void
fake_host_link(FakeHost *host)
{
	client_start(host->client, host->now);
	fake_host_pump(host);
	fake_server_scan(&host->server, str_from(host->qr));
	fake_host_advance(host, 2 * WA_SECOND);
}

WaStatus
fake_host_linked_device(FakeHost *host, WaDevice *out)
{
	WaStatus status = device_create(test_env(&host->server_env), out);

	snprintf(out->jid, sizeof(out->jid), "4915100000001:3@s.whatsapp.net");
	out->login_counter = 7;
	out->next_prekey_id = 21;
	host->server.prekeys = 20;
	return status;
}

void
fake_host_start(FakeHost *host, const WaDevice *device)
{
	fake_host_open(host, device);
	client_start(host->client, host->now);
	fake_host_pump(host);
}

bool
fake_host_online(FakeHost *host, const WaDevice *device)
{
	fake_host_start(host, device);
	fake_host_advance(host, WA_SECOND);
	fake_host_clear(host);
	return host->status == BOT_ONLINE;
}
