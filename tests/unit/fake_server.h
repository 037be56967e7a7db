/*
 * fake_server.h
 *		The other end of a client in tests: the server's half of the handshake,
 *		and the shortest answer that lets a client get on.  What it says beyond
 *		that, and what it leaves unsaid, is up to the test.
 */
#ifndef WA_FAKE_SERVER_H
#define WA_FAKE_SERVER_H

#include "../../src/protocol/cert.h"
#include "../../src/protocol/noise.h"
#include "../../src/protocol/node.h"
#include "../../src/protocol/pairing.h"
#include "../../src/protocol/payload.h"

typedef enum FakeStep
{
	FAKE_CLOSED,
	FAKE_HELLO,  /* waits for the client's hello */
	FAKE_FINISH, /* waits for its finish */
	FAKE_STREAM,
} FakeStep;

typedef struct FakeServer
{
	const WaEnv *env;
	int64_t wall_us;
	int64_t made_us; /* wall_us at first */
	WaKeyPair root;
	WaKeyPair key;
	CertDefect defect;

	/* the connection */
	FakeStep step;
	WaBuf in;
	WaBuf out;
	WaNoise noise;
	WaTransport transport;
	bool closing; /* close once out is read */
	bool greeted; /* the prologue came */
	bool routed;  /* with a routing prefix */

	/* the one who talks on it */
	WaArena payload_arena;
	WaPayloadInfo info;
	int connections; /* accepted so far */
	int frames;      /* received on this one */

	/* the account: as the phone made it */
	WaKeyPair account;
	const char *jid;
	const char *lid;
	int prekeys; /* on the server */
	int uploads;
	int queued; /* announced in offline_preview */

	/* how it behaves */
	bool silent;        /* answers nothing */
	bool no_iq_answers; /* but pings */
	bool no_pong;
	bool no_success;
	bool no_count;
	int refuse_uploads;  /* so many, with an error */
	bool no_restart;     /* says nothing after pair-device-sign */
	bool no_preview;     /* does not speak of the queue */
	const char *refusal; /* said instead of success */
	const char *groups;  /* the <group> elements of the list */
	bool answer_queries; /* for one group, with groups */
	int list_error;      /* instead of them */

	char last_iq[64]; /* id of the last question */

	/* the last message: its id, its <enc> */
	char last_message[64];
	char last_type[16];
	WaBuf last_enc;

	/* everything received, as "tag attr=value ...\n" lines */
	WaBuf log;
	WaArena arena; /* the node at hand */
} FakeServer;

extern void fake_server_init(FakeServer *server, const WaEnv *env, int64_t wall_us);
extern void fake_server_free(FakeServer *server);
/* Forgets connections and account, keeps keys and behaviour. */
extern void fake_server_again(FakeServer *server);

extern void fake_server_accept(FakeServer *server);
extern void fake_server_close(FakeServer *server);
/* Bytes from the client; answers go to server->out.  False when they are no protocol. */
extern bool fake_server_feed(FakeServer *server, const uint8_t *data, size_t len);
/* Sends one stanza written as in stanza.h. */
extern void fake_server_say(FakeServer *server, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
extern void fake_server_send(FakeServer *server, const WaNode *node);
/* Sends bytes as the plaintext of a frame, or as they are. */
extern void fake_server_send_plain(FakeServer *server, const void *data, size_t len);
extern void fake_server_send_raw(FakeServer *server, const void *data, size_t len);

/* The phone scans: pair-success for the client whose QR says this. */
extern void fake_server_scan(FakeServer *server, WaStr qr);
extern void fake_server_pair(FakeServer *server, const uint8_t identity[32],
							 const uint8_t adv_secret[32]);
/* <iq><pair-success> in arena. */
extern WaNode *fake_server_pair_success(FakeServer *server, WaArena *arena,
										const uint8_t identity[32], const uint8_t adv_secret[32]);

/* How often the log has this text; the log can be cleared between steps. */
extern int fake_server_count(const FakeServer *server, const char *text);
extern void fake_server_clear_log(FakeServer *server);

#endif /* WA_FAKE_SERVER_H */
