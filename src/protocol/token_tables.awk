# token_tables.awk
#	Makes token_tables.h from tokens_single.txt and tokens_double.txt (sheet 1 section 3.7).
#
# usage, in the top directory: awk -f src/protocol/token_tables.awk > token_tables.h
#
# A token's id is its byte for single ones (1..235) and 236 + 256 * dictionary +
# index for double ones.  Texts lie in one pool, each with a NUL, found through
# 16-bit offsets, so that nothing here needs a relocation.  Encoding uses an
# open-addressed hash table of ids; token.c computes the same hash.

BEGIN {
	ARGV[1] = "src/protocol/tokens_single.txt"
	ARGV[2] = "src/protocol/tokens_double.txt"
	ARGC = 3
	SLOTS = 4096
	SINGLE = 236
	DOUBLE = 1024
	for (i = 32; i < 127; i++)
		code[sprintf("%c", i)] = i
}

FILENAME != previous {
	file++
	previous = FILENAME
	line = 0
}

file == 1 {
	# line 0 marks the byte that is no token
	text[line] = line == 0 ? "" : $0
	line++
	singles = line
	next
}

file == 2 {
	if (split($0, part, "\t") != 3)
		fail("bad line in tokens_double.txt: " $0)
	text[SINGLE + 256 * part[1] + part[2]] = part[3]
	doubles++
}

function fail(why) {
	print "token_tables.awk: " why > "/dev/stderr"
	failed = 1
	exit 1
}

function hash(word,		h, i) {
	h = 5381
	for (i = 1; i <= length(word); i++)
		h = (h * 33 + code[substr(word, i, 1)]) % 1048576
	return (h + int(h / 256)) % SLOTS
}

END {
	if (failed)
		exit 1
	if (singles != SINGLE || doubles != DOUBLE)
		fail("expected " SINGLE " and " DOUBLE " tokens, found " singles " and " doubles)
	total = SINGLE + DOUBLE

	print "/* Made by token_tables.awk; do not edit. */"
	print "#define TOKEN_COUNT\t" total
	print "#define TOKEN_SLOTS\t" SLOTS
	print ""
	print "static const char token_pool[] ="
	offset = 0
	for (id = 0; id < total; id++) {
		word = text[id]
		if (id > 0 && word == "")
			fail("token " id " is missing")
		for (i = 1; i <= length(word); i++)
			if (!(substr(word, i, 1) in code) || substr(word, i, 1) ~ /["\\]/)
				fail("token " id " has a character that is not handled")
		if (id > 0 && (word in seen))
			fail("token " word " appears twice")
		seen[word] = id
		printf "\t\"%s\\0\"\n", word
		start[id] = offset
		offset += length(word) + 1
	}
	print "\t;"
	print ""
	print "/* one more than there are tokens: the end of the last */"
	print "static const uint16_t token_offset[TOKEN_COUNT + 1] = {"
	for (id = 0; id < total; id++)
		printf "\t%d,\n", start[id]
	printf "\t%d,\n};\n\n", offset

	for (id = 1; id < total; id++) {
		slot = hash(text[id])
		while (slot in taken)
			slot = (slot + 1) % SLOTS
		taken[slot] = id
	}
	print "/* ids; 0 is an empty slot */"
	print "static const uint16_t token_slot[TOKEN_SLOTS] = {"
	for (slot = 0; slot < SLOTS; slot++)
		printf "%s%d,%s", slot % 16 == 0 ? "\t" : "", taken[slot] + 0, slot % 16 == 15 ? "\n" : " "
	print "};"
}
