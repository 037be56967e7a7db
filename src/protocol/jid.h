/*
 * jid.h
 *		WhatsApp addresses: user@server with an optional device number.
 *		Sheet 1 section 3.5, sheet 2 section 1.1.
 */
#ifndef WA_JID_H
#define WA_JID_H

#include "buf.h"

typedef enum WaServer
{
	JID_UNKNOWN,
	JID_PN,         /* s.whatsapp.net: a phone number */
	JID_LID,        /* lid: a hidden-number user */
	JID_HOSTED,     /* hosted: Cloud-API device of a PN account */
	JID_HOSTED_LID, /* hosted.lid: the same of a LID account */
	JID_GROUP,      /* g.us */
	JID_BROADCAST,
	JID_NEWSLETTER,
	JID_BOT,
	JID_MESSENGER, /* msgr */
	JID_INTEROP,
	JID_CALL,
} WaServer;

/* Strings are borrowed.  c.us is folded into JID_PN. */
typedef struct WaJid
{
	WaServer server;
	WaStr user;          /* may be empty: server-only JID */
	WaStr server_name;   /* as written, for JID_UNKNOWN too */
	uint16_t device;     /* 0 = the phone itself */
	uint16_t integrator; /* interop only */
} WaJid;

/*
 * Parses the text form; also "user.agent:device@server" (agent dropped), and
 * server-only with or without a leading '@' ("g.us", "@g.us"; without it only a
 * known server).  Only users, Messenger and interop have devices; elsewhere a
 * colon belongs to the user.  WA_ERR_MALFORMED: no JID, or a device number that
 * the server's wire form cannot carry (255 for users, 65535 for the others).
 */
extern WaStatus jid_parse(WaStr text, WaJid *out);
/* Text form with the device if it is not 0; jid_parse reads it back. */
extern WaStr jid_format(WaArena *arena, const WaJid *jid);
/*
 * The user without device, hosted folded into its base server: how a person
 * or chat is keyed ("123@lid", "4917@s.whatsapp.net", "1203@g.us").
 * WA_STR_NONE when text is no JID.
 */
extern WaStr jid_bare(WaArena *arena, WaStr text);
extern bool jid_same_user(const WaJid *a, const WaJid *b); /* device ignored */
extern bool jid_is_user(const WaJid *jid);                 /* PN, LID or hosted */
extern const char *jid_server_name(WaServer server);
extern WaServer jid_server_from(WaStr name);

#endif /* WA_JID_H */
