/*
 * sim.h
 *		A WhatsApp service on loopback: the state it keeps and what its parts
 *		offer each other.
 *
 * One process, one thread, one libuv loop, one service: its state is the
 * global `sim`.  Nothing is stored on disk; the service lives as long as the
 * process.  Memory that runs out ends the process, as befits a test tool.
 *
 * The words of the protocol are those of the sheets: account (a person with a
 * phone), device (0 is the phone, others are companions), stanza, offline
 * queue.  "Sheet 1" is the transport, "sheet 2" everything above it.
 */
#ifndef SIM_H
#define SIM_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../net/net.h"
#include "../protocol/cert.h"
#include "../protocol/frame.h"
#include "../protocol/node.h"
#include "../protocol/noise.h"
#include "../protocol/payload.h"

#define SIM_REFS 6      /* QR references of one pair-device */
#define SIM_LOG_SIZE 32 /* stanzas remembered per device */
#define SIM_FIRST_VERSION INT64_C(1700000000000000)

typedef struct SimAccount SimAccount;
typedef struct SimConn SimConn;
typedef struct SimDevice SimDevice;
typedef struct SimGroup SimGroup;
typedef struct SimRequest SimRequest;
typedef struct SimFault SimFault;
typedef struct SimSignal SimSignal;
typedef struct SimHeard SimHeard;
typedef struct SimAppState SimAppState;
typedef struct SimPeerSent SimPeerSent;

/* ---- sim_util.c: memory, time, chance, and a map from text to pointer ---- */

extern void *sim_util_alloc(size_t size); /* zeroed; never NULL */
extern void *sim_util_grow(void *ptr, size_t size);
extern char *sim_util_copy(const char *text);
extern int64_t sim_util_now_us(void); /* Unix time */
extern int64_t sim_util_now(void);    /* the same in seconds */
extern int64_t sim_util_mono_us(void);
extern uint64_t sim_util_random(void); /* from the seed; not for keys */
extern void sim_util_seed(uint64_t seed);
extern void sim_util_hex(const uint8_t *data, size_t len, char *out);
extern void sim_util_random_text(char *out, size_t len); /* len letters and digits, then NUL */
extern bool sim_util_is_digits(const char *text, size_t min, size_t max);

typedef struct SimMap
{
	struct
	{
		char *key;
		void *value;
	} * slots;
	size_t capacity;
	size_t used; /* slots taken, emptied ones included */
	size_t count;
} SimMap;

extern void *sim_map_get(const SimMap *map, const char *key); /* NULL: none */
extern void sim_map_put(SimMap *map, const char *key, void *value);
extern void sim_map_remove(SimMap *map, const char *key);
extern void sim_map_free(SimMap *map); /* keys and table, not the values */

/* ---- sim_proto.c: protobuf by hand, on purpose not the client's code ---- */

typedef struct SimProto
{
	uint8_t data[1024];
	size_t len;
} SimProto;

extern void sim_proto_uint(SimProto *proto, int field, uint64_t value);
extern void sim_proto_bytes(SimProto *proto, int field, const void *data, size_t len);
/* Finds a length-delimited field of a message; false when it is not there. */
extern bool sim_proto_find(const uint8_t *data, size_t len, int field, WaStr *out);

/* ---- the offline queue ---- */

/* One encoded stanza, shared by the queues of all devices it goes to. */
typedef struct SimStanza
{
	int refs;
	char tag[16];
	char id[64];
	char from[64];
	size_t len;
	uint8_t bytes[]; /* flag byte and node */
} SimStanza;

typedef struct SimEntry
{
	struct SimEntry *next;
	struct SimEntry *prev;
	SimStanza *stanza;
	int64_t queued_us;
	int64_t sent_us; /* on this connection; 0 not yet */
	int deliveries;  /* connections on which it was sent */
} SimEntry;

/* Entries before `unsent` were sent on the present connection. */
typedef struct SimQueue
{
	SimEntry *head;
	SimEntry *tail;
	SimEntry *unsent;
	int count;
	int sent; /* of them, sent on this connection */
} SimQueue;

extern SimStanza *
sim_queue_stanza(const WaNode *node); /* one reference; NULL when it cannot be encoded */
extern void sim_queue_release(SimStanza *stanza);
extern void sim_queue_push(SimDevice *device, SimStanza *stanza); /* takes a reference of its own */
extern void sim_queue_push_node(SimDevice *device, const WaNode *node);
/* The client declared itself active: announces and delivers what waited. */
extern void sim_queue_start(SimConn *conn);
extern void sim_queue_batch(SimConn *conn, int count); /* <offline_batch> */
extern void sim_queue_pump(SimConn *conn);
extern void sim_queue_settle(SimConn *conn); /* sends what the reorder fault holds back */
extern void sim_queue_disconnected(SimDevice *device);
/* True when it was waiting; cls is the class of the acknowledged stanza. */
extern bool sim_queue_acked(SimDevice *device, WaStr cls, WaStr id, WaStr from);
extern void sim_queue_clear(SimDevice *device);

/* ---- accounts and devices ---- */

/* What a phone needs keys for; made when first needed. */
typedef struct SimPhoneKeys
{
	WaKeyPair identity; /* also the account signature key */
	WaKeyPair signed_prekey;
	uint8_t signature[CRYPTO_SIGNATURE_LEN];
	uint32_t registration_id;
} SimPhoneKeys;

/* A device's keys as they are handed out to those who want to write to it. */
typedef struct SimBundle
{
	uint32_t registration_id;
	uint8_t identity[32];
	uint32_t signed_prekey_id;
	uint8_t signed_prekey[32];
	uint8_t signature[CRYPTO_SIGNATURE_LEN];
	bool has_prekey; /* a one-time key is left */
	uint32_t prekey_id;
	uint8_t prekey[32];
} SimBundle;

typedef enum SimReceipts
{
	SIM_NO_RECEIPTS,
	SIM_DELIVERY_RECEIPTS,
	SIM_READ_RECEIPTS /* after the delivery receipt */
} SimReceipts;

struct SimAccount
{
	char number[24]; /* digits */
	char lid[24];    /* digits */
	char name[64];
	char platform[16];
	SimPhoneKeys *keys;
	SimSignal *signal;    /* of the phone, NULL: it never wrote or read */
	SimHeard *heard;      /* what the phone read */
	SimAppState *app;     /* NULL: nothing yet */
	bool deaf_to_retries; /* the phone ignores retry receipts */
	bool offline;         /* the phone answers no requests of its companions */
	SimReceipts receipts; /* what the phone says to those who write to it */
	bool hidden;          /* in groups by LID nobody sees the number */
	uint32_t raw_id;
	uint16_t last_device;
	SimDevice *devices;
	SimGroup **groups;
	int n_groups;
	int groups_capacity;
	uint8_t *key_index_list; /* signed list of valid devices, NULL stale */
	size_t key_index_list_len;
	SimAccount *next;
};

/* Uploaded one-time prekeys, 35 bytes each: id (3) and public key (32). */
#define SIM_PREKEY_LEN 35

typedef struct SimPrekeys
{
	uint8_t *bytes;
	int first; /* keys before it were handed out */
	int end;
	int capacity;
} SimPrekeys;

typedef struct SimLogEntry
{
	int64_t at_us;
	bool out; /* from the server */
	size_t len;
	uint8_t *bytes; /* NULL: too long to keep */
} SimLogEntry;

struct SimDevice
{
	SimAccount *account;
	SimDevice *next;
	uint16_t id;
	uint32_t serial; /* from 1, never used again */
	bool removed;
	uint8_t noise[32];
	uint8_t identity[32];
	uint32_t registration_id;
	uint32_t signed_prekey_id;
	uint8_t signed_prekey[32];
	uint8_t signed_prekey_signature[64];
	uint8_t *signed_identity; /* ADVSignedDeviceIdentity, all four fields */
	size_t signed_identity_len;
	SimPrekeys prekeys;
	bool uploaded;
	bool dirty_groups;      /* told at each login until cleaned */
	bool greeted;           /* the phone has sent what a new companion gets */
	SimPeerSent *peer_sent; /* what the phone sent it of its own accord */
	SimConn *conn;
	SimQueue queue;
	SimLogEntry log[SIM_LOG_SIZE];
	int log_next;
	/* counters */
	uint64_t logins;
	uint64_t delivered;
	uint64_t acks;
	uint64_t group_queries;
	uint64_t pings;
	uint64_t pongs;
	uint64_t iqs;
};

/* Accounts are made on first mention by the control channel. */
extern SimAccount *sim_account_get(const char *number); /* NULL: not digits */
extern SimAccount *sim_account_find(const char *number);
extern SimAccount *sim_account_by_jid(WaStr jid); /* NULL: unknown */
extern SimPhoneKeys *sim_account_keys(SimAccount *account);
extern void sim_account_new_keys(SimAccount *account); /* and a new raw id: registered again */
extern bool sim_account_set_lid(SimAccount *account, const char *lid);
extern bool sim_account_set_number(SimAccount *account, const char *number);
extern WaStr sim_account_jid(WaArena *arena, const SimAccount *account, bool lid);
extern WaStr sim_account_device_jid(WaArena *arena, const SimDevice *device, bool lid);
extern SimDevice *sim_account_device(SimAccount *account, int id); /* live ones only */
extern SimDevice *sim_account_device_by_jid(WaStr jid);
extern SimDevice *sim_account_add_device(SimAccount *account);
/* Unlinks it: says so to a connected client, forgets keys and queue. */
extern void sim_account_remove_device(SimDevice *device, bool tell);
extern void sim_account_log(SimDevice *device, bool out, const uint8_t *bytes, size_t len);
extern WaStr sim_account_key_index_list(SimAccount *account);

/* ---- connections ---- */

typedef enum SimConnState
{
	SIM_CONN_PROLOGUE,
	SIM_CONN_HELLO,
	SIM_CONN_FINISH,
	SIM_CONN_LINKING,
	SIM_CONN_ONLINE,
	SIM_CONN_CLOSING
} SimConnState;

/* A device that is being linked, and the phone's half of it. */
typedef struct SimLinking
{
	WaPayloadInfo info;
	char device_name[64];
	char refs[SIM_REFS][40];
	/* pairing code */
	char code_number[24];
	uint8_t wrapped_ephemeral[80];
	char code_ref[40];
	WaKeyPair phone_ephemeral;
	uint8_t companion_ephemeral[32];
	/* once the phone accepted */
	SimAccount *account;
	uint8_t details[64]; /* ADVDeviceIdentity */
	size_t details_len;
	uint8_t account_signature[64];
	uint16_t device_id;
	char pair_id[32];
	SimRequest *request; /* who waits for the outcome */
	int64_t request_until;
	int64_t until; /* the references are good until then */
} SimLinking;

struct SimConn
{
	SimConn *next;
	SimConn *prev;
	NetConn *net;
	SimConnState state;
	WaNoise *noise; /* during the handshake */
	WaTransport transport;
	uint8_t remote_static[32];
	SimLinking *linking;
	SimDevice *device;
	bool passive;
	bool active;      /* the queue flows */
	bool catching_up; /* before the end of the offline phase */
	int offline_total;
	int offline_left;
	int offline_sent;
	int credits; /* stanzas that may still be sent, -1 unlimited */
	int64_t ping_at;
	int64_t close_at;       /* closes by itself then; 0 no */
	int64_t hold_until;     /* nothing is sent before; 0 no */
	struct SimShape *shape; /* slow or split output */
	SimStanza *swapped;     /* held back by the reorder fault */
};

extern bool sim_server_start(const char *address, int port, const char *tls_cert,
							 const char *tls_key, int *bound, const char **why);
extern void sim_server_events(void); /* takes what net has */
extern void sim_server_tick(void);   /* once a second */
extern void sim_server_send(SimConn *conn, const WaNode *node);
extern void sim_server_send_encoded(SimConn *conn, const uint8_t *bytes, size_t len);
extern void sim_server_send_raw(SimConn *conn, const uint8_t *bytes,
								size_t len); /* as it is, unsealed */
extern void sim_server_close(SimConn *conn); /* after what was written */
/* The same after a last word: leaves the client the time to read it and to close itself. */
extern void sim_server_close_soon(SimConn *conn);
extern void sim_server_abort(SimConn *conn);
extern size_t sim_server_unsent(const SimConn *conn);
extern WaStatus sim_server_certify(CertDefect defect, WaBuf *out);

/* ---- sim_login.c ---- */

extern void sim_login_payload(SimConn *conn, const uint8_t *data, size_t len);
extern void sim_login_failure(SimConn *conn, const SimFault *fault);
extern void sim_login_failure_code(SimConn *conn, int reason);
extern void sim_login_active(SimConn *conn);
extern void sim_login_stream_error(SimConn *conn, const char *code, const char *conflict);

/* ---- sim_phone.c ---- */

extern void sim_phone_scan(SimAccount *account, const char *qr, SimRequest *request);
extern void sim_phone_enter_code(SimAccount *account, const char *code, SimRequest *request);
extern void sim_phone_link_iq(SimConn *conn, const WaNode *iq); /* link_code_companion_reg */
extern void sim_phone_signed(SimConn *conn, const WaNode *iq);  /* answer to pair-success */
extern void sim_phone_gone(SimConn *conn, const char *why); /* the linking ends without a device */
extern void sim_phone_tick(SimConn *conn);
/* Tells every device that waits for a scan to show a new secret; how many there are. */
extern int sim_phone_rotate(void);
extern bool sim_phone_verify_identity(const uint8_t identity[32], WaStr signed_identity);

/* ---- groups ---- */

typedef enum SimRole
{
	SIM_MEMBER,
	SIM_ADMIN,
	SIM_SUPERADMIN
} SimRole;

typedef struct SimMember
{
	SimAccount *account;
	SimRole role;
} SimMember;

typedef struct SimJoinRequest
{
	SimAccount *account;
	int64_t at;
	const char *method; /* invite_link, linked_group_join */
} SimJoinRequest;

/* One thing that really happened to one person or setting. */
typedef struct SimEvent
{
	const char *kind;   /* "joined_link", "removed", "subject" ... */
	SimAccount *target; /* NULL: the group itself */
	SimAccount *actor;  /* NULL: the server */
	int64_t at_us;
	int64_t version; /* of the roster after it; 0: not a roster change */
	char *text;      /* new value, NULL none */
	char notification[24];
} SimEvent;

struct SimGroup
{
	SimGroup *next;
	char id[40]; /* digits, without server */
	bool lid;
	char *subject;
	size_t subject_len; /* may hold any byte */
	int64_t subject_at;
	SimAccount *subject_by;
	int64_t created_at;
	SimAccount *creator;
	char *description; /* NULL none */
	char description_id[48];
	int64_t description_at;
	SimAccount *description_by;
	bool announce;
	bool locked;
	bool approval;
	bool members_add;  /* all_member_add */
	bool members_link; /* all_member_link */
	int64_t ephemeral; /* seconds, 0 off */
	char invite[24];
	int64_t version;
	bool deleted;
	bool incomplete; /* metadata lists only some of the members, and says so */
	bool is_parent;
	bool is_default_sub;
	SimGroup *parent;
	SimMember *members;
	int n_members;
	int members_capacity;
	uint64_t departures; /* how many have left: sender keys made before are void */
	SimJoinRequest *requests;
	int n_requests;
	int requests_capacity;
	SimEvent *events;
	int n_events;
	int events_capacity;
	void *churn; /* the generator's own data */
};

/* Codes are those of the IQ errors in sheet 2 section 2.1; 0 is success. */
extern SimGroup *sim_group_create(SimAccount *by, const char *subject, SimAccount **members, int n,
								  bool lid, const char *key);
/* The same for a community: its parent, or the announcement group of one. */
extern SimGroup *sim_group_create_as(SimAccount *by, const char *subject, SimAccount **members,
									 int n, bool lid, const char *key, bool is_parent,
									 SimGroup *announces_for);
extern SimGroup *sim_group_find(const char *jid_or_id);
extern SimGroup *sim_group_by_jid(WaStr jid);
extern SimMember *sim_group_member(const SimGroup *group, const SimAccount *account);
extern bool sim_group_is_admin(const SimGroup *group, const SimAccount *account);
extern SimJoinRequest *sim_group_request(const SimGroup *group, const SimAccount *account);

/*
 * Changes of the roster.  targets that cannot be changed are skipped and get
 * their code in errors (may be NULL); what remains is one notification.  The
 * result is an error of the whole call.
 */
typedef enum SimAddKind
{
	SIM_ADD_BY_ADMIN,
	SIM_ADD_LINK,
	SIM_ADD_APPROVED,
	SIM_ADD_COMMUNITY
} SimAddKind;

extern int sim_group_add(SimGroup *group, SimAccount *by, SimAccount **targets, int n,
						 SimAddKind kind, int *errors);
extern int sim_group_remove(SimGroup *group, SimAccount *by, SimAccount **targets, int n,
							int *errors);
extern int sim_group_set_role(SimGroup *group, SimAccount *by, SimAccount **targets, int n,
							  bool admin, int *errors);
extern int sim_group_leave(SimGroup *group, SimAccount *who);
extern int sim_group_delete(SimGroup *group, SimAccount *by);
/* By link or through the community: joins, or asks when that is the rule. */
extern int sim_group_join(SimGroup *group, SimAccount *who, bool by_link, bool *asked);
extern int sim_group_ask(SimGroup *group, SimAccount *who, const char *method);
extern int sim_group_cancel(SimGroup *group, SimAccount *who);
extern int sim_group_decide(SimGroup *group, SimAccount *by, SimAccount **targets, int n,
							bool approve, int *errors);

extern int sim_group_subject(SimGroup *group, SimAccount *by, WaStr text);
/* text absent: deletes.  prev must name the present one when check_prev. */
extern int sim_group_description(SimGroup *group, SimAccount *by, WaStr text, WaStr id, WaStr prev,
								 bool check_prev);
extern int sim_group_new_invite(SimGroup *group, SimAccount *by);

/* -1: leave as it is.  All that change go out in one notification. */
typedef struct SimSettings
{
	int announce;
	int locked;
	int approval;
	int members_add;
	int members_link;
	int64_t ephemeral;
} SimSettings;

#define SIM_SETTINGS_NONE ((SimSettings){-1, -1, -1, -1, -1, -1})

extern int sim_group_settings(SimGroup *group, SimAccount *by, const SimSettings *set);
extern void sim_group_number_changed(SimAccount *account, const char *old_number,
									 const char *old_lid);
extern void sim_group_note(SimGroup *group, const char *kind, SimAccount *target, SimAccount *actor,
						   int64_t version, WaStr text, const char *notification);

/* sim_community.c */
extern SimGroup *sim_community_create(SimAccount *by, const char *subject, bool lid,
									  SimGroup **announcements);
extern int sim_community_link(SimGroup *parent, SimGroup *child, SimAccount *by);
extern int sim_community_unlink(SimGroup *parent, SimGroup *child, SimAccount *by);

/* ---- sim_notify.c: group metadata and w:gp2 notifications as nodes ---- */

typedef struct SimNotice
{
	WaArena arena;
	WaNode *node; /* <notification> without id */
	SimGroup *group;
	char id[24];
} SimNotice;

/* by NULL: the server did it. */
extern void sim_notify_begin(SimNotice *notice, SimGroup *group, SimAccount *by);
extern WaNode *sim_notify_child(SimNotice *notice, const char *tag);
extern void sim_notify_version(WaNode *action, int64_t before, int64_t after);
extern WaNode *sim_notify_participant(WaNode *parent, const SimGroup *group,
									  const SimAccount *account);
/* To all members except those in skip; to admins only on demand. */
extern void sim_notify_members(SimNotice *notice, SimAccount **skip, int n_skip, bool admins_only);
extern void sim_notify_accounts(SimNotice *notice, SimAccount **accounts, int n);
extern void sim_notify_end(SimNotice *notice);
extern void sim_notify_create(SimGroup *group, SimAccount *by, SimAccount **to, int n,
							  const char *key, const char *reason, const char *type);
extern WaNode *sim_notify_group_node(WaNode *parent, const SimGroup *group);
extern WaStr sim_notify_group_jid(WaArena *arena, const SimGroup *group);
extern void sim_notify_set_person(WaNode *node, const char *key, const char *pn_key,
								  const SimGroup *group, const SimAccount *account);
extern void sim_notify_new_id(char out[24]);

/* ---- queries ---- */

extern void sim_iq_handle(SimConn *conn, const WaNode *iq);
extern WaNode *sim_iq_result(WaArena *arena, const WaNode *iq);
extern void sim_iq_error(SimConn *conn, const WaNode *iq, int code);
extern const char *sim_iq_error_text(int code);
extern void sim_group_iq_handle(SimConn *conn, const WaNode *iq);
extern void sim_keys_handle(SimConn *conn, const WaNode *iq);
extern void sim_usync_handle(SimConn *conn, const WaNode *iq);
extern int sim_keys_left(const SimDevice *device);
/* Hands out the device's keys, a one-time key among them; false: it has not uploaded any. */
extern bool sim_keys_bundle(SimDevice *device, SimBundle *out);
/* Adds <registration> and <keys> of the phone, as a retry receipt has them. */
extern void sim_keys_add_phone(WaNode *receipt, SimAccount *account);
/* Reads keys out of a stanza that carries them: <keys> of a retry receipt, <user> of an answer. */
extern bool sim_keys_read(const WaNode *node, SimBundle *out);

/* ---- sim_relay.c: stanzas between clients ---- */

extern void sim_relay_message(SimConn *conn, const WaNode *message);
extern void sim_relay_receipt(SimConn *conn, const WaNode *receipt);
extern void sim_relay_ack(SimConn *conn, const WaNode *ack);

/* ---- faults ---- */

struct SimFault
{
	SimFault *next;
	char kind[24];
	SimAccount *account; /* NULL: everybody */
	int left;            /* uses left, -1 unlimited */
	bool at_login;       /* one-shot kinds: at each login */
	int percent;
	int value; /* bytes_per_second, step, below, count ... */
	int reason;
	int code;
	int64_t expire;
	CertDefect defect;
	bool keep;
	char text[128];
};

/* The fault of this kind that applies now, its use counted; NULL none. */
extern SimFault *sim_fault_take(const char *kind, const SimAccount *account);
extern const SimFault *sim_fault_peek(const char *kind, const SimAccount *account);
extern bool sim_fault_happens(const char *kind, const SimAccount *account, bool *keep);
/* The code with which this query is refused; 0: it is not. */
extern int sim_fault_iq_error(const SimAccount *account, WaStr xmlns);
extern bool sim_fault_close_at(SimConn *conn, const char *step);
extern void sim_fault_at_login(SimConn *conn);
extern const char *sim_fault_add(json_t *request); /* NULL, or what is wrong */
extern void sim_fault_clear(const char *kind);
extern int sim_fault_count(void);

/* Output slowed down or cut into pieces; true when it took the bytes. */
extern bool sim_shape_write(SimConn *conn, const uint8_t *data, size_t len);
extern size_t sim_shape_unsent(const SimConn *conn);
extern void sim_shape_free(SimConn *conn);

/* ---- churn ---- */

extern const char *sim_churn_start(json_t *request, json_t *answer);
extern void sim_churn_stop(json_t *answer);
extern bool sim_churn_running(void);

/* ---- control ---- */

extern bool sim_control_start(const char *address, int port, int *bound, const char **why);
/* The other end, for scripts: prints the answer; the process exit code. */
extern int sim_send_request(const char *where, const char *request);
/* Answers a request once; takes the object.  error NULL: success. */
extern void sim_control_answer(SimRequest *request, json_t *answer, const char *error);
/* Runs one request; it may answer later. */
extern void sim_command_run(SimRequest *request, json_t *object);
extern WaNode *sim_command_node(WaArena *arena, json_t *object); /* NULL: not a node */

/* ---- truth ---- */

extern json_t *sim_truth_group(const SimGroup *group, bool events);
extern json_t *sim_truth_all(bool events);
extern json_t *sim_truth_text(WaStr text); /* as a client that keeps it would read it */

/* ---- the service ---- */

typedef struct SimOptions
{
	bool added_add;      /* an added person's devices get <add> ... */
	bool added_create;   /* ... and/or <create> with the whole group */
	bool ids_per_device; /* notification ids differ per device */
	bool new_groups_lid; /* groups that clients create are addressed by LID */
	bool gate_always;    /* wait for offline_batch whoever logs in */
	bool gate_never;
	bool old_qr; /* phones take the four-field QR of before May 2026, too */
	bool edge_routing;
	int handshake_delay; /* ms between a client's last handshake message and our next word */
	int ping_seconds;    /* 0 never */
	int ack_seconds;     /* unacknowledged for so long: stream error; 0 never */
	int link_seconds;    /* a device that is not linked by then is sent away; 0 never */
	bool said_hashes;    /* of older messages only the hash is kept */
	bool app_state;      /* phones share the keys of app state with new companions */
	int app_state_page;  /* patches in one answer */
	bool trace;          /* stanzas on stderr */
} SimOptions;

typedef struct Sim
{
	const WaEnv *env;
	NetLoop *loop;
	uint64_t seed;
	WaKeyPair root;
	WaKeyPair server_static;
	WaBuf certificate;
	SimMap by_number;
	SimMap by_lid;
	SimMap groups_by_id;
	SimMap groups_by_invite;
	SimAccount *accounts;
	int n_accounts;
	SimGroup *groups;
	SimGroup *groups_tail;
	int n_groups;
	uint64_t last_group;
	uint64_t last_id;
	uint32_t last_serial;
	SimConn *conns;
	int n_conns;
	SimOptions options;
	uint64_t notifications; /* put into queues */
	uint64_t events;
	bool quit;
	char endpoint[128];
	char control[96];
} Sim;

extern Sim sim;

#endif /* SIM_H */
