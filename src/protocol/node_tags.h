/*
 * node_tags.h
 *		Type bytes of the node encoding, shared by its two directions.
 *		Sheet 1 section 3.2.
 */
#ifndef WA_NODE_TAGS_H
#define WA_NODE_TAGS_H

#define TAG_LIST_EMPTY 0
#define TAG_SINGLE_LAST 235
#define TAG_DICTIONARY_0 236
#define TAG_DICTIONARY_3 239
#define TAG_INTEROP_JID 245
#define TAG_FB_JID 246
#define TAG_AD_JID 247
#define TAG_LIST_8 248
#define TAG_LIST_16 249
#define TAG_JID_PAIR 250
#define TAG_HEX_8 251
#define TAG_BINARY_8 252
#define TAG_BINARY_20 253
#define TAG_BINARY_32 254
#define TAG_NIBBLE_8 255

/* Domain byte of an AD_JID (section 3.5). */
#define DOMAIN_PN 0
#define DOMAIN_LID 1
#define DOMAIN_HOSTED 128
#define DOMAIN_HOSTED_LID 129

/* First byte of a decrypted frame (section 3.1). */
#define FLAG_PLAIN 0
#define FLAG_COMPRESSED 2 /* a bit; others are ignored */

/* Packed strings have at most this many characters (section 3.4). */
#define PACKED_MAX 127

#endif /* WA_NODE_TAGS_H */
