/*
 * sim_history_item.c
 *		One message of the past: what it says, and how a phone writes it down
 *		(WebMessageInfo).  Sheet 2 sections 2.7 and 9.3.
 *
 * The protobuf is made by hand, on purpose not by the client's code.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_history.h"
#include "sim_wire.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* WebMessageInfo.StubType */
enum
{
	STUB_SUBJECT = 21,
	STUB_ADD = 27,
	STUB_REMOVE = 28,
	STUB_PROMOTE = 29,
	STUB_DEMOTE = 30,
	STUB_INVITE = 31,
	STUB_LEAVE = 32,
};

static uint64_t
draw(SimHistoryItem *item, uint64_t below)
{
	return sim_history_plan_draw(&item->chance, below);
}

void
sim_history_item_jid(const SimAccount *account, bool lid, char *out)
{
	snprintf(out, 48, "%s@%s", lid ? account->lid : account->number,
			 lid ? "lid" : "s.whatsapp.net");
}

/* ---- what it says ---- */

static void
add_text(SimHistoryItem *item, const char *text)
{
	size_t len = strlen(text);

	if (item->text_len + len > sizeof(item->text))
		return;
	memcpy(item->text + item->text_len, text, len);
	item->text_len += len;
	item->has_text = true;
}

static void
write_words(SimHistoryItem *item, int n)
{
	static const char *const words[] = {
		"the",
		"meeting",
		"is",
		"tomorrow",
		"at",
		"seven",
		"please",
		"bring",
		"keys",
		"wer",
		"kommt",
		"heute",
		"mit",
		"danke",
		"schön",
		"für",
		"obrigado",
		"amanhã",
		"não",
		"também",
		"então",
		"çok",
		"güzel",
		"yarın",
		"hola",
		"mañana",
		"vale",
		"qué",
		"привет",
		"завтра",
		"спасибо",
		"好的",
		"明天",
		"见",
		"ありがとう",
		"はい",
		"شكرا",
		"غدا",
		"תודה",
		"मैं",
		"👍",
		"😂😂",
		"❤️",
		"🙏🏽",
		"naïve",
		"coöp",
		"résumé",
		"ok",
		"ok!",
		"really?",
		"12:30",
		"€20",
		"https://example.org/a?b=c",
		"\"quoted\"",
		"it's",
		"a\tb",
		"100%",
		"_under_",
		"*bold*",
		"C:\\x",
	};

	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			add_text(item, draw(item, 20) == 0 ? "\n" : " ");
		add_text(item, words[draw(item, COUNT(words))]);
	}
}

static void
write_text(SimHistoryItem *item)
{
	static const char *const odd[] = {
		"e\u0301 n\u0303 a\u030a",                                    /* combining marks */
		"\U0001F468\u200d\U0001F469\u200d\U0001F467\u200d\U0001F466", /* joined emoji */
		"\u202eabc\u202c \u2066x\u2069",                              /* changes of direction */
		"\ufeffbyte order mark",
		"\U0001D518\U0001D52B\U0001D526\U0001D520\U0001D52C\U0001D521\U0001D522",
		"\u00a0\u2003\u200b", /* nothing but blanks */
		"\U0001F1E7\U0001F1F7 \U0001F1E9\U0001F1EA",
	};
	uint64_t kind = draw(item, 400);

	if (kind == 0)
		write_words(item, 500);
	else if (kind < 5)
		add_text(item, odd[draw(item, COUNT(odd))]);
	else
		write_words(item, 1 + (int) (draw(item, 12) * draw(item, 12) / 12));
}

static void
make_event(SimHistoryItem *item)
{
	static const struct
	{
		int stub;
		const char *kind;
	} events[] = {
		{STUB_ADD, "add"},         {STUB_REMOVE, "remove"}, {STUB_PROMOTE, "promote"},
		{STUB_DEMOTE, "demote"},   {STUB_INVITE, "add"},    {STUB_LEAVE, "remove"},
		{STUB_SUBJECT, "subject"},
	};
	const SimHistoryChat *chat = item->chat;
	size_t which = draw(item, COUNT(events));
	int n = 1;

	item->stub = events[which].stub;
	item->kind = events[which].kind;
	if (item->stub == STUB_SUBJECT)
	{
		write_words(item, 3);
		return;
	}
	if (item->stub == STUB_ADD && draw(item, 3) == 0)
		n = 1 + (int) draw(item, SIM_HISTORY_TARGETS);
	for (int i = 0; i < n; i++)
	{
		SimAccount *who = chat->who[draw(item, (uint64_t) chat->n_who)];

		/* nobody twice; who adds several is there already; who joins by himself or leaves does it */
		for (int j = 0; j < item->n_targets; j++)
			who = item->targets[j] == who ? NULL : who;
		if (who != NULL && (n == 1 || who != item->sender))
			item->targets[item->n_targets++] = who;
	}
	if (item->n_targets == 0)
		item->targets[item->n_targets++] = item->sender;
	if (item->stub == STUB_INVITE || item->stub == STUB_LEAVE)
		item->sender = item->targets[0];
}

/* Out of a hundred messages. */
static const struct
{
	int below;
	const char *kind;
} kinds[] = {
	{74, "text"},     {82, "reply"},   {88, "image"},    {90, "video"},   {93, "voice"},
	{95, "document"}, {97, "sticker"}, {98, "location"}, {99, "contact"}, {100, "poll"},
};

static void
make_message(SimHistoryItem *item)
{
	int which = (int) draw(item, 100);
	size_t i = 0;

	while (which >= kinds[i].below)
		i++;
	item->kind = kinds[i].kind;
	if (strcmp(item->kind, "text") == 0 || strcmp(item->kind, "reply") == 0)
		write_text(item);
	else if (strcmp(item->kind, "poll") == 0)
		write_words(item, 4);
	else if (strcmp(item->kind, "image") == 0 || strcmp(item->kind, "video") == 0 ||
			 strcmp(item->kind, "document") == 0)
	{
		if (draw(item, 2) == 0)
			write_words(item, 3);
	}
}

static void
id_of(const SimHistoryPlan *plan, const SimHistoryChat *chat, int64_t place, char out[40])
{
	SimChance chance = sim_history_plan_chance(plan->seed ^ 6, chat->key, (uint64_t) place);
	uint64_t a = sim_history_plan_draw(&chance, UINT64_MAX);
	uint64_t b = sim_history_plan_draw(&chance, 0x10000);

	snprintf(out, 40, "3EB0%016llX%04X", (unsigned long long) a, (unsigned) b);
}

void
sim_history_item_make(const SimHistoryPlan *plan, int chat_index, int64_t place,
					  SimHistoryItem *out)
{
	const SimHistoryChat *chat = &plan->chats[chat_index];
	int64_t step = (plan->until - plan->since) / chat->n;

	/* the text is large: only its length is reset */
	out->chat = chat;
	out->place = place;
	out->chance = sim_history_plan_chance(plan->seed, chat->key, (uint64_t) place);
	out->stub = 0;
	out->n_targets = 0;
	out->text_len = 0;
	out->has_text = false;
	id_of(plan, chat, place, out->id);
	out->at = plan->since + (plan->until - plan->since) / chat->n * place +
			  (step > 0 ? (int64_t) draw(out, (uint64_t) step) : 0);
	if (chat->peer != NULL)
		out->sender = draw(out, 2) == 0 ? plan->owner : chat->peer;
	else
		out->sender = chat->who[draw(out, (uint64_t) chat->n_who)];
	if (chat->peer == NULL && (int) draw(out, 100) < plan->stubs)
		make_event(out);
	else
		make_message(out);
	out->from_me = out->sender == plan->owner;
	out->by_lid = out->sender->hidden || draw(out, 100) < 70;
}

uint64_t
sim_history_item_sum(const SimHistoryItem *item)
{
	static char line[SIM_HISTORY_TEXT + 256];
	char chat[64];
	char sender[48];
	uint8_t hash[16];
	uint64_t sum = 0;
	int len;

	if (item->chat->peer != NULL)
		sim_history_item_jid(item->chat->peer, true, chat);
	else
		snprintf(chat, sizeof(chat), "%s", item->chat->id);
	sim_history_item_jid(item->sender, true, sender);
	len = snprintf(line, sizeof(line), "%s|%s|%s|%lld|%.*s", item->id, chat, sender,
				   (long long) item->at, (int) item->text_len, item->text);
	(void) crypto_md5(line, (size_t) len, hash);
	for (int i = 0; i < 8; i++)
		sum = sum << 8 | hash[i];
	return sum;
}

/* ---- how it is written down ---- */

/* MessageKey of somebody in the item's chat. */
static void
put_key(WaBuf *out, uint32_t field, const SimHistoryItem *item, const SimHistoryPlan *plan,
		const SimAccount *sender, bool by_lid, const char *id)
{
	WaBuf key;

	sim_wire_begin(&key);
	sim_wire_text(&key, 1, item->chat->id);
	sim_wire_uint(&key, 2, sender == plan->owner);
	sim_wire_text(&key, 3, id);
	if (item->chat->peer == NULL && sender != plan->owner)
	{
		sim_wire_jid(&key, 4, sender, by_lid);
	}
	sim_wire_inner(out, field, &key);
}

/* Bytes that differ from item to item and are always the same for one. */
static void
noise(SimHistoryItem *item, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t) draw(item, 256);
}

/* Fields of the many kinds of files, by name; 0: the kind does not have it. */
typedef struct FileFields
{
	uint32_t message;
	const char *kind;
	const char *mimetype;
	uint32_t url, type, caption, sha256, size, key, enc_sha256, path, key_at, seconds, name;
} FileFields;

static const FileFields files[] = {
	{3, "image", "image/jpeg", 1, 2, 3, 4, 5, 8, 9, 11, 12, 0, 0},
	{9, "video", "video/mp4", 1, 2, 7, 3, 4, 6, 11, 13, 14, 5, 0},
	{8, "voice", "audio/ogg; codecs=opus", 1, 2, 0, 3, 4, 7, 8, 9, 10, 5, 0},
	{7, "document", "application/pdf", 1, 2, 20, 4, 5, 7, 9, 10, 11, 0, 8},
	{26, "sticker", "image/webp", 1, 5, 0, 2, 9, 4, 3, 8, 10, 0, 0},
};

/* The files themselves are gone, as old ones are on the real service. */
static void
put_file(WaBuf *out, SimHistoryItem *item, const FileFields *fields)
{
	uint8_t bytes[96];
	WaBuf file;
	char path[96];

	sim_wire_begin(&file);
	noise(item, bytes, sizeof(bytes));
	sim_wire_text(&file, fields->type, fields->mimetype);
	if (fields->caption != 0 && item->has_text)
		sim_wire_bytes(&file, fields->caption, item->text, item->text_len);
	sim_wire_bytes(&file, fields->sha256, bytes, 32);
	sim_wire_bytes(&file, fields->enc_sha256, bytes + 32, 32);
	sim_wire_bytes(&file, fields->key, bytes + 64, 32);
	sim_wire_uint(&file, fields->size, 1000 + draw(item, 3000000));
	sim_wire_uint(&file, fields->key_at, (uint64_t) item->at);
	snprintf(path, sizeof(path), "/v/t62.7118-24/%s.enc?ccb=11-4&oh=01&oe=65000000", item->id);
	sim_wire_text(&file, fields->path, path);
	if (fields->seconds != 0)
		sim_wire_uint(&file, fields->seconds, 1 + draw(item, 300));
	if (fields->message == 8)
		sim_wire_uint(&file, 6, 1); /* ptt */
	if (fields->name != 0)
		sim_wire_text(&file, fields->name, "programme.pdf");
	sim_wire_inner(out, fields->message, &file);
}

static void
put_reply(WaBuf *out, const SimHistoryPlan *plan, SimHistoryItem *item)
{
	WaBuf extended;
	WaBuf context;
	WaBuf quoted;
	char id[48];

	sim_wire_begin(&extended);
	sim_wire_begin(&context);
	sim_wire_bytes(&extended, 1, item->text, item->text_len);
	if (item->place > 0)
	{
		int64_t back = 1 + (int64_t) draw(item, 5);

		id_of(plan, item->chat, item->place > back ? item->place - back : 0, id);
		sim_wire_text(&context, 1, id);
		sim_wire_jid(&context, 2, item->chat->peer != NULL ? item->chat->peer : item->sender,
					 item->by_lid);
		sim_wire_begin(&quoted);
		sim_wire_text(&quoted, 1, "what was said before");
		sim_wire_inner(&context, 3, &quoted);
	}
	if (item->chat->peer == NULL && draw(item, 4) == 0)
	{
		SimAccount *who = item->chat->who[draw(item, (uint64_t) item->chat->n_who)];

		sim_wire_jid(&context, 15, who, who->hidden || draw(item, 2) == 0);
	}
	if (draw(item, 6) == 0)
	{
		sim_wire_uint(&context, 21, 1 + draw(item, 200));
		sim_wire_uint(&context, 22, 1);
	}
	sim_wire_inner(&extended, 17, &context);
	sim_wire_inner(out, 6, &extended);
}

static const char *const poll_options[] = {"Yes", "No", "Maybe 🤷", "Не знаю"};

static void
put_poll(WaBuf *out, SimHistoryItem *item)
{
	WaBuf poll;
	WaBuf option;

	sim_wire_begin(&poll);
	sim_wire_bytes(&poll, 2, item->text, item->text_len);
	for (size_t i = 0; i < COUNT(poll_options); i++)
	{
		sim_wire_begin(&option);
		sim_wire_text(&option, 1, poll_options[i]);
		sim_wire_inner(&poll, 3, &option);
	}
	sim_wire_uint(&poll, 4, 1);
	sim_wire_inner(out, 64, &poll);
}

/* The fixed64 fields of a place are the only ones of their type. */
static void
put_place(WaBuf *out)
{
	static const uint8_t at[] = {
		0x09, 0x8f, 0xc2, 0xf5, 0x28, 0x5c, 0x3f, 0x4a, 0x40, /* 52.495 */
		0x11, 0x00, 0x00, 0x00, 0x00, 0x00, 0xc0, 0x2a, 0x40, /* 13.375 */
	};
	WaBuf place;

	sim_wire_begin(&place);
	(void) buf_append(&place, at, sizeof(at));
	sim_wire_text(&place, 3, "Club house");
	sim_wire_inner(out, 5, &place);
}

static void
put_contact(WaBuf *out, const SimAccount *account)
{
	WaBuf contact;
	char vcard[256];

	sim_wire_begin(&contact);
	sim_wire_text(&contact, 1, account->name);
	snprintf(vcard, sizeof(vcard),
			 "BEGIN:VCARD\nVERSION:3.0\nFN:%s\nTEL;type=CELL;waid=%s:+%s\nEND:VCARD", account->name,
			 account->number, account->number);
	sim_wire_text(&contact, 16, vcard);
	sim_wire_inner(out, 4, &contact);
}

static void
put_message(WaBuf *out, const SimHistoryPlan *plan, SimHistoryItem *item)
{
	WaBuf message;

	sim_wire_begin(&message);
	if (strcmp(item->kind, "text") == 0)
		sim_wire_bytes(&message, 1, item->text, item->text_len);
	else if (strcmp(item->kind, "reply") == 0)
		put_reply(&message, plan, item);
	else if (strcmp(item->kind, "poll") == 0)
		put_poll(&message, item);
	else if (strcmp(item->kind, "location") == 0)
		put_place(&message);
	else if (strcmp(item->kind, "contact") == 0)
		put_contact(&message, plan->people[draw(item, (uint64_t) plan->n_people)]);
	for (size_t i = 0; i < COUNT(files); i++)
	{
		if (strcmp(item->kind, files[i].kind) == 0)
			put_file(&message, item, &files[i]);
	}
	sim_wire_inner(out, 2, &message);
}

static void
put_event(WaBuf *out, const SimHistoryItem *item)
{

	sim_wire_uint(out, 24, (uint64_t) item->stub);
	if (item->stub == STUB_SUBJECT)
		sim_wire_bytes(out, 26, item->text, item->text_len);
	for (int i = 0; i < item->n_targets; i++)
	{
		sim_wire_jid(out, 26, item->targets[i], item->targets[i]->hidden || item->by_lid);
	}
}

/* Who got and read what the account wrote. */
static void
put_receipts(WaBuf *out, SimHistoryItem *item)
{
	int n = item->chat->peer != NULL ? 1 : item->chat->n_who < 5 ? item->chat->n_who : 5;
	WaBuf receipt;

	for (int i = 0; i < n; i++)
	{
		SimAccount *who = item->chat->peer != NULL ? item->chat->peer : item->chat->who[i];
		uint64_t delay = 1 + draw(item, 600);

		if (who == item->sender)
			continue;
		sim_wire_begin(&receipt);
		sim_wire_jid(&receipt, 1, who, who->hidden || item->by_lid);
		sim_wire_uint(&receipt, 2, (uint64_t) item->at + delay);
		if (draw(item, 2) == 0)
			sim_wire_uint(&receipt, 3, (uint64_t) item->at + delay + draw(item, 6000));
		sim_wire_inner(out, 40, &receipt);
	}
}

static void
put_reactions(WaBuf *out, const SimHistoryPlan *plan, SimHistoryItem *item)
{
	static const char *const texts[] = {"👍", "❤️", "😂", "🙏🏽", "😮"};
	int n = 1 + (int) draw(item, 3);
	WaBuf reaction;

	for (int i = 0; i < n; i++)
	{
		const SimHistoryChat *chat = item->chat;
		SimAccount *who =
			chat->peer != NULL ? chat->peer : chat->who[(size_t) i % (size_t) chat->n_who];
		char id[48];

		snprintf(id, sizeof(id), "%.30s-R%d", item->id, i);
		sim_wire_begin(&reaction);
		put_key(&reaction, 1, item, plan, who, who->hidden || item->by_lid, id);
		sim_wire_text(&reaction, 2, texts[draw(item, COUNT(texts))]);
		sim_wire_uint(&reaction, 4,
					  ((uint64_t) item->at + 1 + draw(item, 3600)) * 1000 + draw(item, 1000));
		sim_wire_inner(out, 41, &reaction);
		if (chat->n_who <= i + 1)
			break;
	}
}

static void
put_votes(WaBuf *out, const SimHistoryPlan *plan, SimHistoryItem *item)
{
	const SimHistoryChat *chat = item->chat;
	int n = chat->peer != NULL ? 1 : chat->n_who < 4 ? chat->n_who : 4;
	uint8_t hash[32];
	WaBuf update;
	WaBuf vote;

	for (int i = 0; i < n; i++)
	{
		SimAccount *who = chat->peer != NULL ? chat->peer : chat->who[i];
		const char *option = poll_options[draw(item, COUNT(poll_options))];
		char id[48];

		snprintf(id, sizeof(id), "%.30s-V%d", item->id, i);
		(void) crypto_sha256(option, strlen(option), hash);
		sim_wire_begin(&vote);
		sim_wire_bytes(&vote, 1, hash, sizeof(hash));
		sim_wire_begin(&update);
		put_key(&update, 1, item, plan, who, who->hidden || item->by_lid, id);
		sim_wire_inner(&update, 2, &vote);
		sim_wire_uint(&update, 3, ((uint64_t) item->at + 1 + draw(item, 3600)) * 1000);
		sim_wire_inner(out, 45, &update);
	}
}

void
sim_history_item_encode(const SimHistoryPlan *plan, SimHistoryItem *item, WaBuf *out)
{
	SimChance before = item->chance;
	uint8_t secret[32];

	put_key(out, 1, item, plan, item->sender, item->by_lid, item->id);
	if (item->stub == 0)
		put_message(out, plan, item);
	sim_wire_uint(out, 3, (uint64_t) item->at);
	sim_wire_uint(out, 4, item->from_me ? 3 + draw(item, 2) : 2);
	if (item->chat->peer == NULL && !item->from_me && draw(item, 2) == 0)
	{

		sim_wire_jid(out, 5, item->sender, item->by_lid);
	}
	if (item->stub != 0)
		put_event(out, item);
	else
	{
		if (draw(item, 50) == 0)
			sim_wire_uint(out, 17, 1);
		if (!item->from_me && draw(item, 5) > 0)
			sim_wire_text(out, 19, item->sender->name);
		if (item->from_me)
			put_receipts(out, item);
		if (draw(item, 20) == 0)
			put_reactions(out, plan, item);
		if (strcmp(item->kind, "poll") == 0)
		{
			put_votes(out, plan, item);
			noise(item, secret, sizeof(secret));
			sim_wire_bytes(out, 49, secret, sizeof(secret));
		}
	}
	item->chance = before; /* it is the same when it is told again */
}
