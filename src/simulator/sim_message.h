/*
 * sim_message.h
 *		Simulated people who write and read encrypted messages: the Signal
 *		state of their phones, what they said, what they heard.
 *
 * A person's phone is device 0 of the account.  It writes with libsignal on a
 * store of its own and shares nothing with src/protocol/signal*, so that the
 * two cannot agree on a mistake.  Only linked devices are written to: what
 * simulated phones would read is known from what was said.
 */
#ifndef SIM_MESSAGE_H
#define SIM_MESSAGE_H

#include "sim.h"

/* ---- sim_signal.c: the Signal state of one phone, made on first use ---- */

typedef enum SimCipher
{
	SIM_PKMSG,
	SIM_MSG,
	SIM_SKMSG
} SimCipher;

extern const char *sim_signal_cipher_name(SimCipher cipher);
extern bool sim_signal_cipher_from(WaStr text, SimCipher *out);

/* Hands out a one-time prekey of the phone, a new one each time. */
extern void sim_signal_new_prekey(SimAccount *account, uint32_t *id, uint8_t public_key[32]);
/* Forgets everything: sessions, sender keys, prekeys. */
extern void sim_signal_forget(SimAccount *account);

/* Starts a session; an existing one is archived.  False: the keys do not fit. */
extern bool sim_signal_start(SimAccount *account, const SimDevice *device, const SimBundle *bundle);
extern void sim_signal_end(SimAccount *account, const SimDevice *device);
/* The registration id that the session's other end had; 0: no session. */
extern uint32_t sim_signal_registration(SimAccount *account, const SimDevice *device);
/* Is there a session? */
extern bool sim_signal_knows(const SimAccount *account, const SimDevice *device);
/*
 * Pads and encrypts for one device, appends to out.  False:
 * no session.
 */
extern bool sim_signal_write(SimAccount *account, const SimDevice *device, const void *plain,
							 size_t len, WaBuf *out, SimCipher *cipher);
/* Decrypts and takes the padding off; 0, or libsignal's code. */
extern int sim_signal_read(SimAccount *account, const SimDevice *device, SimCipher cipher,
						   const void *data, size_t len, WaBuf *out);

/*
 * Appends the value of Message.senderKeyDistributionMessage as the chain is
 * now.  The key is new when somebody has left the group since it was made.
 */
extern void sim_signal_distribution(SimAccount *account, const SimGroup *group, WaBuf *out);
extern void sim_signal_rotate(SimAccount *account, const SimGroup *group);
/* Was the present key sent to that device? */
extern bool sim_signal_has_key(SimAccount *account, const SimGroup *group, const SimDevice *device);
extern void sim_signal_gave_key(SimAccount *account, const SimGroup *group,
								const SimDevice *device);
extern void sim_signal_write_group(SimAccount *account, const SimGroup *group, const void *plain,
								   size_t len, WaBuf *out);
/* Takes the value of Message.senderKeyDistributionMessage of that device. */
extern int sim_signal_learn_key(SimAccount *account, const SimGroup *group, const SimDevice *device,
								const void *data, size_t len);
extern bool sim_signal_knows_key(const SimAccount *account, const SimGroup *group,
								 const SimDevice *device);
extern int sim_signal_read_group(SimAccount *account, const SimGroup *group,
								 const SimDevice *device, const void *data, size_t len, WaBuf *out);

/* ---- sim_said.c: the truth about messages ---- */

/* How a message travels, beside its content. */
typedef struct SimEnvelope
{
	const char *kind;      /* text, image, edit ...: for people who read the truth */
	const char *type;      /* of the stanza */
	const char *mediatype; /* of <enc>, NULL none */
	const char *edit;      /* of the stanza, NULL none */
	bool hide;             /* decrypt-fail=hide */
	json_t *meta;          /* attributes of <meta>, NULL none */
} SimEnvelope;

typedef enum SimDamageKind
{
	SIM_SOUND,
	SIM_BAD_MAC,     /* bits flipped in the ciphertext */
	SIM_NO_SKDM,     /* a new sender key that is not distributed */
	SIM_NO_SESSION,  /* of a session that the receiver does not have */
	SIM_GARBAGE,     /* the plaintext is no Message */
	SIM_UNAVAILABLE, /* <unavailable/> instead of <enc> */
	N_SIM_DAMAGES
} SimDamageKind;

typedef struct SimDamage
{
	SimDamageKind kind;
	int left;            /* so many copies for each device are spoilt */
	SimDevice **devices; /* that it hits; none: all */
	int n_devices;
} SimDamage;

/* What one device answered to one message, repetitions counted. */
typedef struct SimReceipt
{
	struct SimReceipt *next;
	const SimDevice *device;
	char type[16]; /* "delivered" when the stanza has none; "ack" */
	int error;     /* of an ack */
	int count;
	int64_t first_us;
	int64_t last_us;
} SimReceipt;

typedef struct SimSaid
{
	int64_t place; /* in the order of saying, from 0 */
	SimAccount *from;
	SimGroup *group; /* NULL: a direct message */
	SimAccount *to;  /* of a direct message */
	int64_t at_us;
	int64_t target; /* place of what it edits, revokes or reacts to; -1 none */
	int64_t same;   /* earlier place with the same id; -1 none */
	char *id;       /* NULL: made from the place */
	const SimEnvelope *envelope;
	SimDamage *damage; /* NULL: sound */
	uint8_t *message;  /* the Message; once hashed, the SHA-256 of its text */
	uint32_t len;
	uint32_t text_len;
	bool hashed;
	bool lid; /* addressing of a direct message */
	SimReceipt *receipts;
} SimSaid;

/* A new entry, empty but for its place; it stays where it is for ever. */
extern SimSaid *sim_said_add(const char *id);
extern SimSaid *sim_said_at(int64_t place); /* NULL: nothing there */
extern int64_t sim_said_count(void);
extern void sim_said_id(const SimSaid *said, char out[64]);
/* The latest with this id; from NULL: whoever said it. */
extern SimSaid *sim_said_find(WaStr id, const SimAccount *from);
extern WaStr sim_said_text(const SimSaid *said); /* absent: it has none, or was hashed */
extern void sim_said_receipt(const SimDevice *device, const SimAccount *from, WaStr id, WaStr type,
							 int error);
/* The whole message is not kept for ever when only hashes are wanted. */
extern void sim_said_trim(void);
/* Entries after `after` (-1: from the start) of one chat (both NULL: of all). */
extern void sim_said_page(const SimGroup *group, const SimAccount *to, int64_t after, int limit,
						  json_t *out);
extern json_t *sim_said_receipts(const SimSaid *said);
/* Sets text, sha256 and bytes of a long one, or message when there is no text. */
extern void sim_said_set_content(json_t *object, const void *message, size_t len);
/* "from" and "from_lid"; "number" and "lid". */
extern void sim_said_set_person(json_t *object, const char *key, const SimAccount *account);

/* ---- sim_compose.c: messages as protobuf, by hand ---- */

extern void sim_compose_text(WaBuf *out, WaStr text);
/* target is what it is about; the reaction "" takes one back. */
extern void sim_compose_reaction(WaBuf *out, const SimAccount *from, const SimSaid *target,
								 WaStr text, int64_t at_us);
extern void sim_compose_edit(WaBuf *out, const SimSaid *target, WaStr text, int64_t at_us);
/* Appends the MessageKey of a message, as somebody names it in the chat where it was said. */
extern void sim_compose_key(WaBuf *out, uint32_t field, const SimAccount *by,
							const SimSaid *target);
extern void sim_compose_revoke(WaBuf *out, const SimAccount *from, const SimSaid *target);
/* message as an own device of its author gets it. */
extern void sim_compose_sent(WaBuf *out, const char *destination, const void *message, size_t len);
extern const SimEnvelope sim_compose_plain;    /* text */
extern const SimEnvelope sim_compose_reacting; /* reaction */
extern const SimEnvelope sim_compose_editing;  /* edit */
extern const SimEnvelope sim_compose_revoking; /* revoke by the author */
/* How a Message of any kind travels, by its first field that has content. */
extern void sim_compose_classify(const void *message, size_t len, SimEnvelope *out);
/* The readable text of a Message: text, caption-less; absent when it has none. */
extern WaStr sim_compose_read(const void *message, size_t len);

/* ---- sim_content.c: more than plain texts; each appends a Message ---- */

typedef struct SimContent
{
	WaStr text;           /* or caption, or question */
	const SimSaid *reply; /* what it answers, NULL nothing */
	int64_t expires;      /* seconds after which it disappears, 0 never */
} SimContent;

extern void sim_content_text(WaBuf *out, const SimContent *content);
/* The others return NULL, or what is wrong.  path: the direct path of a file of the media service */
extern const char *sim_content_image(WaBuf *out, const SimContent *content, const char *path);
extern const char *sim_content_poll(WaBuf *out, const SimContent *content, const json_t *options);
/* Options by name; none: the vote is taken back. */
extern const char *sim_content_vote(WaBuf *out, const SimAccount *from, const SimSaid *poll,
									const json_t *options);

/* ---- sim_say.c: from a person to the devices ---- */

typedef struct SimSay
{
	SimAccount *from;
	SimGroup *group; /* or to */
	SimAccount *to;
	const char *id; /* NULL: a new one */
	const void *message;
	size_t len;
	const SimEnvelope *envelope; /* kept */
	bool lid;                    /* addressing of a direct message */
	SimSaid *target;             /* NULL none */
	SimDamage *damage;           /* kept; NULL: sound */
	SimDevice **only;            /* the devices that get it; none: all */
	int n_only;
} SimSay;

/* NULL, or why it was not said. */
extern const char *sim_say(const SimSay *say, SimSaid **out);
/* Takes the keys of a retry receipt, and ends a session of another registration. */
extern void sim_say_renew(SimDevice *device, SimAccount *from, const WaNode *receipt);
/* A device could not read it: answers its retry receipt. */
extern void sim_say_retry(SimDevice *device, SimAccount *from, const WaNode *receipt);
/* New keys; those who share a chat are told.  keep: companions stay linked. */
extern void sim_say_reinstall(SimAccount *account, bool keep);
extern SimDamageKind sim_say_damage(const char *name); /* N_SIM_DAMAGES: no such */
extern const char *sim_say_damage_name(SimDamageKind kind);

/* ---- sim_hear.c: from a device to the phones ---- */

/* What of a message is encrypted for phones, in a group or for a person. */
extern void sim_hear_message(SimDevice *device, const WaNode *message, SimGroup *group,
							 SimAccount *to, int64_t t);
/* Answers what the companions asked and the phone has not answered yet, unless it is offline. */
extern void sim_hear_answer(SimAccount *account);
/* The Message that the phone has under that id, said or heard; absent: none. */
extern WaStr sim_hear_copy(const SimAccount *account, WaStr id);
extern void sim_hear_page(const SimAccount *account, int after, json_t *out);

/* ---- sim_talk.c ---- */

extern const char *sim_talk_start(json_t *request, json_t *answer);
extern void sim_talk_stop(json_t *answer);
extern bool sim_talk_running(void);

#endif /* SIM_MESSAGE_H */
