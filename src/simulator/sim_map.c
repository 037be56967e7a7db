/*
 * sim_map.c
 *		A hash table from text to pointer: open addressing, keys copied.
 *
 * A removed slot keeps its place in the probe chain with a NULL key and a
 * marker value; growing drops the markers.
 */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

static char removed; /* its address marks a removed slot */

static size_t
hash(const char *key)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; *key != '\0'; key++)
		h = (h ^ (uint8_t) *key) * UINT64_C(1099511628211);
	return (size_t) (h ^ (h >> 32));
}

static bool
find(const SimMap *map, const char *key, size_t *slot)
{
	if (map->capacity == 0)
		return false;
	for (size_t i = hash(key) & (map->capacity - 1);; i = (i + 1) & (map->capacity - 1))
	{
		if (map->slots[i].key == NULL && map->slots[i].value == NULL)
			return false;
		if (map->slots[i].key != NULL && strcmp(map->slots[i].key, key) == 0)
		{
			*slot = i;
			return true;
		}
	}
}

static void
insert(SimMap *map, char *key, void *value)
{
	size_t i = hash(key) & (map->capacity - 1);

	while (map->slots[i].key != NULL || map->slots[i].value != NULL)
		i = (i + 1) & (map->capacity - 1);
	map->slots[i].key = key;
	map->slots[i].value = value;
	map->used++;
	map->count++;
}

void *
sim_map_get(const SimMap *map, const char *key)
{
	size_t slot;

	return find(map, key, &slot) ? map->slots[slot].value : NULL;
}

void
sim_map_put(SimMap *map, const char *key, void *value)
{
	size_t slot;

	if (find(map, key, &slot))
	{
		map->slots[slot].value = value;
		return;
	}
	if ((map->used + 1) * 2 > map->capacity)
	{
		SimMap old = *map;

		map->capacity = 64;
		while (map->capacity < (old.count + 1) * 4)
			map->capacity *= 2;
		map->slots = sim_util_alloc(map->capacity * sizeof(*map->slots));
		map->used = map->count = 0;
		for (size_t i = 0; i < old.capacity; i++)
		{
			if (old.slots[i].key != NULL)
				insert(map, old.slots[i].key, old.slots[i].value);
		}
		free(old.slots);
	}
	insert(map, sim_util_copy(key), value);
}

void
sim_map_remove(SimMap *map, const char *key)
{
	size_t slot;

	if (!find(map, key, &slot))
		return;
	free(map->slots[slot].key);
	map->slots[slot].key = NULL;
	map->slots[slot].value = &removed;
	map->count--;
}

void
sim_map_free(SimMap *map)
{
	for (size_t i = 0; i < map->capacity; i++)
		free(map->slots[i].key);
	free(map->slots);
	memset(map, 0, sizeof(*map));
}
