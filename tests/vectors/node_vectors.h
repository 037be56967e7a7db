/*
 * node_vectors.h
 *		Encoded nodes.  Source: the "codec" part of the vectors that come with the
 *		protocol notes (vectors.json, sheet 1 section 3.6): made with whatsmeow's
 *		encoder, checked byte for byte against a second one.  bytes_300 and list300
 *		are given there by their SHA-256.
 */
#ifndef WA_NODE_VECTORS_H
#define WA_NODE_VECTORS_H

typedef struct NodeVector
{
	const char *name;
	const char *xml; /* as the notes write it */
	const char *hex; /* flag byte and node */
} NodeVector;

static const NodeVector node_vectors[] = {
	{"ping", "<iq id=\"1.2-3\" xmlns=\"w:p\" type=\"get\" to=\"@s.whatsapp.net\"/>",
	 "00f8091908ff831b2a3f1657042911fa0003"},
	{"ping_child", "<iq to=\"@s.whatsapp.net\" type=\"get\" xmlns=\"w:p\" id=\"A1B2\">\n  <ping/>",
	 "00f80a1911fa00030429165708fb02a1b2f801f80156"},
	{"active", "<iq id=\"7\" xmlns=\"passive\" type=\"set\" to=\"@s.whatsapp.net\">\n  <active/>",
	 "00f80a1908e316ec18045a11fa0003f801f801ec01"},
	{"ack_group",
	 "<ack class=\"message\" id=\"3EB0C767D097B7C7C030\" to=\"120363041234567890@g.us\" pa"
	 "rticipant=\"123456789012345:12@lid\"/>",
	 "00f8091b151308fb0a3eb0c767d097b7c7c03011faff091203630412345678901c05f7010cff8812"
	 "3456789012345f"},
	{"receipt_dm", "<receipt id=\"3EB0ABCDEF\" to=\"5511999000111@s.whatsapp.net\"/>",
	 "00f8050708fb053eb0abcdef11faff875511999000111f03"},
	{"presence", "<presence type=\"available\" name=\"Ação Bot\"/>",
	 "00f8051f048889fc0a41c3a7c3a36f20426f74"},
	{"bytes_content", "<ref>000102ff", "00f802ed50fc04000102ff"},
	{"odd_nibble", "<x v=\"123\"/>", "00f803fc017851ff82123f"},
	{"nibble_dash_dot", "<x v=\"1-2.3\"/>", "00f803fc017851ff831a2b3f"},
	{"odd_hex", "<x v=\"ABC\"/>", "00f803fc017851fb82abcf"},
	{"lowercase_hex_is_raw", "<x v=\"abc\"/>", "00f803fc017851fc03616263"},
	{"num_gt_127_raw",
	 "<x v=\"11111111111111111111111111111111111111111111111111111111111111111111111111111"
	 "111111111111111111111111111111111111111111111111111\"/>",
	 "00f803fc017851fc8031313131313131313131313131313131313131313131313131313131313131"
	 "31313131313131313131313131313131313131313131313131313131313131313131313131313131"
	 "31313131313131313131313131313131313131313131313131313131313131313131313131313131"
	 "3131313131313131313131313131313131"},
	{"num_127",
	 "<x v=\"11111111111111111111111111111111111111111111111111111111111111111111111111111"
	 "11111111111111111111111111111111111111111111111111\"/>",
	 "00f803fc017851ffc011111111111111111111111111111111111111111111111111111111111111"
	 "11111111111111111111111111111111111111111111111111111111111111111f"},
	{"ad_pn", "<x v=\"5511999000111:7@s.whatsapp.net\"/>",
	 "00f803fc017851f70007ff875511999000111f"},
	{"ad_lid", "<x v=\"99887766:7@lid\"/>", "00f803fc017851f70107ff0499887766"},
	{"ad_hosted", "<x v=\"5511999000111:99@hosted\"/>", "00f803fc017851f78063ff875511999000111f"},
	{"pair_group", "<x v=\"120363041234567890@g.us\"/>",
	 "00f803fc017851faff091203630412345678901c"},
	{"pair_status", "<x v=\"status@broadcast\"/>", "00f803fc017851fa0b0d"},
	{"newsletter", "<x v=\"120363000@newsletter\"/>",
	 "00f803fc017851faff85120363000ffc0a6e6577736c6574746572"},
	{"double_token", "<x v=\"28\"/>", "00f803fc017851ee11"},
};

#define NODE_VECTOR_BYTES_300_SHA256                                                               \
	"5b8b62df2f2b7b0250e683c718b5fa29b408f33ca50aa0074f201f61f38f2023"
#define NODE_VECTOR_LIST300_SHA256                                                                 \
	"2611a568b03cb900b6eea885b24aab114b4c86ce15de02a4820d040bcfb102dc"

/* A frame with the compression flag. */
#define NODE_VECTOR_COMPRESSED "02789cfbc125c9f158ec8d044b94e02f06e61f8c3f18df3002004d3e076c"

#endif /* WA_NODE_VECTORS_H */
