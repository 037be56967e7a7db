/*
 * pairing_vectors.h
 *		Linking by QR and by code, computed by an independent model of sheet 1
 *		sections 5 and 6 (vectors.json, "pairing" and "pair_code").
 */
#ifndef WA_PAIRING_VECTORS_H
#define WA_PAIRING_VECTORS_H

#define PAIRING_ADV_SECRET "102ff42be2b8166297032dcba32f9f50773a82e87e1d1d713d205b2cb543f4b5"
#define PAIRING_IDENTITY_PRIV "d0290e758cc11b4c4fb0e1eada7ddce97f0bfd40ecc4a9b0aeeec2de1471456e"
#define PAIRING_IDENTITY_PUB "ca0ae8bd94e93808163b775fc6da7603aa7d0cf28809e4ae12fcffe668994d18"
#define PAIRING_DEVICE_IDENTITY_HMAC_MSG                                                           \
	"0a760a1008c0c40710809d80cc0618052000280012205b68222b65cf1c6bce230c4b682d8057"                 \
	"7af40b406f34bc25154898b2802789581a40b0cfbfc227e4df0be5be056155455760f7e38a19"                 \
	"ff3ec4eda879d3f4834645e3d71ad2f22ee429f919502de05223a182ad1d1e72096e6be73ea9"                 \
	"d41e1376f8831220e6e7b90ccc932000edbe836e4e568a00038cccedf596bc92a14673a55cf2"                 \
	"c143"
#define PAIRING_DEVICE_SIG_RANDOM64                                                                \
	"5555555555555555555555555555555555555555555555555555555555555555555555555555"                 \
	"5555555555555555555555555555555555555555555555555555"
#define PAIRING_REPLY_DEVICE_IDENTITY                                                              \
	"0a1008c0c40710809d80cc061805200028001a40b0cfbfc227e4df0be5be056155455760f7e3"                 \
	"8a19ff3ec4eda879d3f4834645e3d71ad2f22ee429f919502de05223a182ad1d1e72096e6be7"                 \
	"3ea9d41e1376f8832240542da22900e35e21837720bd5a2acc0c77385d38cc632c4c0cb2da08"                 \
	"59927b5768acb0981106981e9a3c6d2e53a945f2fe21a39d6dd8e9bf57009ca219287207"
#define PAIRING_QR                                                                                 \
	"https://wa.me/settings/linked_devices#2@EXAMPLEREF,01x0xb4Wh4xJWFv842KyO7yl3"                 \
	"Z5xDShgCDFF/9iOLAk=,ygrovZTpOAgWO3dfxtp2A6p9DPKICeSuEvz/5miZTRg=,EC/0K+K4FmK"                 \
	"XAy3Loy+fUHc6guh+HR1xPSBbLLVD9LU=,1"
#define PAIRING_KEY_INDEX "5"

#define PAIR_CODE_RANDOM5 "0242a12c6c"
#define PAIR_CODE_CODE "1A2B3C4D"
#define PAIR_CODE_SALT "982a29430617990b0ea05a6c4e1a4c76d80b5a96fc9505f055cb94dcf72093c5"
#define PAIR_CODE_IV "39420083ea11893e348c67c7ca05eeb0"
#define PAIR_CODE_COMPANION_EPH_PUB                                                                \
	"1868836e02e971ce38d860d6f2724dc8a04921a4737e0a0dc2e088e55d53ce5d"
#define PAIR_CODE_WRAPPED_COMPANION_EPH                                                            \
	"982a29430617990b0ea05a6c4e1a4c76d80b5a96fc9505f055cb94dcf72093c539420083ea11"                 \
	"893e348c67c7ca05eeb0cb14035242b40e193329b7bd5d94f91606c1395833195bacc3dbe70d"                 \
	"8a15c52a"
#define PAIR_CODE_PRIMARY_EPH_PUB "64d08f4fae53ec381e52f2931912640e2e35427b707d62b6ed865ae66075062b"
#define PAIR_CODE_PRIMARY_IDENTITY_PUB                                                             \
	"5b68222b65cf1c6bce230c4b682d80577af40b406f34bc25154898b280278958"
#define PAIR_CODE_BUNDLE_HKDF_SALT                                                                 \
	"8d2e11408f662f1deb67ac8e570739c788f83396674489707e1bbf2cf43dfd06"
#define PAIR_CODE_GCM_IV "f7b8a3afa5674e34bf58bb42"
#define PAIR_CODE_RANDOM32 "424e0bfd5ff26dcd21f80fbd4e26da60c93eaae8bb402da8baba057abd1a34e5"
#define PAIR_CODE_WRAPPED_KEY_BUNDLE                                                               \
	"8d2e11408f662f1deb67ac8e570739c788f83396674489707e1bbf2cf43dfd06f7b8a3afa567"                 \
	"4e34bf58bb4286395796087566c0134cd5d349d92ac3ed0c02aa6f938ae26e6bc9009a69a104"                 \
	"69e57304e7c431a30f02ae19ee4590a2d77aacdb73f863cb4865c48e44a111c75e612ef9c10b"                 \
	"1e4e50ec814bd7ae41f9c063f290266e103b76bd90a400db915048ae3c8353478266ac518ee7"                 \
	"8f5cc80c"
#define PAIR_CODE_ADV_SECRET "5b496feeddff3f5960c1c06add3a267a5918340a7396e8ef6b5c83a387308006"
#define PAIR_CODE_COMPANION_EPH_PRIV                                                               \
	"76ebdcb66dfdc3da22369597482acfa6f4f160b587b5a1fd75e0bb811cb231a6"

#endif /* WA_PAIRING_VECTORS_H */
