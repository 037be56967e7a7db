/*
 * node.h
 *		Binary XML nodes: the stanzas of the WhatsApp stream.
 *		Sheet 1 section 3 has the encoding.
 *
 * A tree lives in one arena.  Builders tolerate NULL and record a failed
 * allocation in the arena, so that only node_encode has to be checked.
 */
#ifndef WA_NODE_H
#define WA_NODE_H

#include "buf.h"
#include "jid.h"

typedef struct WaAttr
{
	WaStr key;
	WaStr value; /* text form, also of a JID */
	bool is_jid; /* travels as a JID, not as a string */
} WaAttr;

typedef struct WaNode
{
	WaArena *arena;
	WaStr tag;
	WaAttr *attrs;
	int n_attrs;
	int attrs_capacity;
	struct WaNode *first_child; /* NULL without children */
	struct WaNode *last_child;
	struct WaNode *next; /* next sibling */
	WaStr bytes;         /* content when it is not a child list */
} WaNode;

/* ---- reading ---- */

/*
 * Decodes one decrypted frame, flag byte included; inflates when it says so.
 * Trailing bytes, bad tags, over-deep or over-long input: WA_ERR_MALFORMED or
 * WA_ERR_LIMIT.  The tree copies what it needs: data may go away.
 *
 * JIDs come in the text form of jid_format.  An AD_JID of an unknown domain
 * becomes "user@ad-<domain>.<device>": nobody's, and not lost.  A compressed
 * frame without contents is the notice of the stream's end and decodes to
 * <xmlstreamend/>.
 */
extern WaStatus node_decode(WaArena *arena, const uint8_t *data, size_t len, WaNode **out);

extern WaStr node_attr(const WaNode *node, const char *key); /* absent: WA_STR_NONE */
extern bool node_attr_u64(const WaNode *node, const char *key, uint64_t *out);
/* tag NULL stands for any; a NULL node has no attributes and no children. */
extern WaNode *node_child(const WaNode *node, const char *tag);       /* first with this tag */
extern WaNode *node_child_next(const WaNode *child, const char *tag); /* next sibling with it */
extern bool node_is(const WaNode *node, const char *tag);

/* ---- building ---- */

extern WaNode *node_new(WaArena *arena, const char *tag); /* tag is copied */
extern WaNode *node_add(WaNode *parent, const char *tag); /* new last child */
extern void node_append(WaNode *parent, WaNode *child);
/*
 * Absent and empty values are not written (sheet 1 section 3.3); values are
 * copied; a key that is set already gets the new value.
 */
extern void node_set(WaNode *node, const char *key, const char *value);
extern void node_set_str(WaNode *node, const char *key, WaStr value);
extern void node_set_jid(WaNode *node, const char *key, WaStr jid_text);
extern void node_set_u64(WaNode *node, const char *key, uint64_t value);
/* Copies an attribute of another node with its type; nothing when absent. */
extern void node_copy_attr(WaNode *node, const char *key, const WaNode *from, const char *from_key);
extern void node_set_bytes(WaNode *node, const void *data, size_t len);
extern void node_set_text(WaNode *node, const char *text);

/*
 * Appends flag byte 00 and the encoded node.  WA_ERR_NOMEM also for NULL and
 * when anything failed while building.  out is unchanged after an error.  A JID
 * attribute that jid_parse refuses travels as a string.
 */
extern WaStatus node_encode(const WaNode *node, WaBuf *out);

/*
 * The tree as one JSON object {"tag","attrs",("children"|"text"|"base64")}.
 * Always valid UTF-8 without NUL: offending bytes become U+FFFD, content that
 * is no text becomes base64.
 */
extern WaStr node_to_json(WaArena *arena, const WaNode *node);

#endif /* WA_NODE_H */
