/*
 * message_host.h
 *		An online bot, its host with tables, and two who write to it: Alice and
 *		the account's own phone.  For tests of the message pipeline.
 *
 * Stanzas are made in two steps, as their order on the wire is not that of
 * their making: write_...() encrypts a part, deliver() sends the stanza with
 * the parts written since, redeliver() the same bytes again, from the queue.
 */
#ifndef WA_MESSAGE_HOST_H
#define WA_MESSAGE_HOST_H

#include "check.h"
#include "fake_host.h"
#include "signal_phone.h"

#define OWN_PN "4915100000001@s.whatsapp.net"
#define OWN_LID "10000000001@lid"
#define ALICE_PN "4917770001@s.whatsapp.net"
#define ALICE_LID "70001@lid"
#define MESSAGE_GROUP "120363000000000001@g.us"
#define MESSAGE_MAX_WRITTEN 4

/* The head of a stanza from Alice in a group, and in a direct chat. */
#define IN_GROUP(id)                                                                               \
	"<message from=\"" MESSAGE_GROUP "\" participant=\"" ALICE_LID "\" participant_pn=\"" ALICE_PN \
	"\" notify=\"Alice\" t=\"1795456383\" type=\"text\" id=\"" id "\"/>"
#define DIRECT(id)                                                                                 \
	"<message from=\"" ALICE_LID "\" sender_pn=\"" ALICE_PN                                        \
	"\" notify=\"Alice\" t=\"1795456383\" type=\"text\" id=\"" id "\"/>"
#define FROM_PHONE(id)                                                                             \
	"<message from=\"" OWN_PN "\" category=\"peer\" t=\"1795456383\" type=\"text\" id=\"" id "\"/" \
	">"

typedef struct WrittenPart
{
	SignalType type;
	WaBuf bytes;
} WrittenPart;

typedef struct MessageHost
{
	FakeHost host;
	TestEnv phone_env;
	SignalPhone alice;
	SignalPhone own;
	WaPrekey prekey; /* what the service hands out for the bot */
	WrittenPart parts[MESSAGE_MAX_WRITTEN];
	int n_parts;
	bool delivered; /* the next part begins a new stanza */
} MessageHost;

/* The one there is. */
extern MessageHost messages;

/* cmocka fixtures. */
extern int messages_setup(void **state);
extern int messages_teardown(void **state);
/* As after setup, with the client's n-th allocation failing; false: it is not online. */
extern bool messages_again(size_t fail_at);

extern void write_plain(SignalPhone *phone, const void *data, size_t len); /* padded, session */
extern void write_text(SignalPhone *phone, const char *text);              /* conversation */
extern void write_key(SignalPhone *phone, const char *group, const char *named);
extern void write_group_text(SignalPhone *phone, const char *group, const char *text);
/* Turns a bit of the MAC or signature of the part that was written last. */
extern void damage(void);
/* count: <enc count>, 0 none. */
extern void deliver(const char *head, int count);
extern void redeliver(const char *head, int count);
/* Sends without pumping. */
extern void say_parts(const char *head, int count);

/* What the log or trace must have, and how often. */
extern void sent(int count, const char *text);
extern void told(int count, const char *text);

#endif /* WA_MESSAGE_HOST_H */
