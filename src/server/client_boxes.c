#include "server/client_boxes.h"

#include <stdlib.h>
#include <string.h>

/* Rules that are made for clients split them into about twice as many as there are rules. */
#define BOXES_AT_MOST 65536

void pga_boxes_begin(struct pga_boxes *boxes, const size_t counts[PGA_BOX_SIDES])
{
	memset(boxes, 0, sizeof *boxes);
	for (int side = 0; side < PGA_BOX_SIDES; side++) {
		boxes->counts[side] = counts[side];
		boxes->words[side] = (counts[side] + 63) / 64;
		boxes->stride += boxes->words[side];
	}
}

void pga_boxes_free(struct pga_boxes *boxes)
{
	free(boxes->bits);
	memset(boxes, 0, sizeof *boxes);
}

uint64_t *pga_boxes_at(const struct pga_boxes *boxes, size_t i)
{
	return boxes->bits + i * boxes->stride;
}

uint64_t *pga_boxes_add(struct pga_boxes *boxes)
{
	if (boxes->count == boxes->room) {
		const size_t room = boxes->room * 2 + 8;
		uint64_t *more = room <= 2 * (size_t)BOXES_AT_MOST
				     ? reallocarray(boxes->bits, room, boxes->stride * sizeof *more)
				     : NULL;

		boxes->failed = boxes->failed || more == NULL;
		if (more == NULL)
			return NULL;
		boxes->bits = more;
		boxes->room = room;
	}
	memset(pga_boxes_at(boxes, boxes->count), 0, boxes->stride * sizeof *boxes->bits);
	return pga_boxes_at(boxes, boxes->count++);
}

uint64_t *pga_box_side(const struct pga_boxes *boxes, uint64_t *box, enum pga_box_side side)
{
	for (int i = 0; i < (int)side; i++)
		box += boxes->words[i];
	return box;
}

void pga_box_set(uint64_t *side, size_t number)
{
	side[number / 64] |= (uint64_t)1 << number % 64;
}

bool pga_box_has(const uint64_t *side, size_t number)
{
	return (side[number / 64] >> number % 64 & 1) != 0;
}

void pga_box_set_all(uint64_t *side, size_t count)
{
	for (size_t i = 0; i < count; i++)
		pga_box_set(side, i);
}

/* The first number that both sides have; count: none. */
static size_t first_common(const uint64_t *one, const uint64_t *other, size_t count)
{
	for (size_t word = 0; word * 64 < count; word++)
		for (size_t i = word * 64; (one[word] & other[word]) != 0 && i < count; i++)
			if (pga_box_has(one, i) && pga_box_has(other, i))
				return i;
	return count;
}

static bool have_common(const struct pga_boxes *boxes, uint64_t *one, uint64_t *other,
			size_t client[PGA_BOX_SIDES])
{
	for (int side = 0; side < PGA_BOX_SIDES; side++) {
		client[side] = first_common(pga_box_side(boxes, one, (enum pga_box_side)side),
					    pga_box_side(boxes, other, (enum pga_box_side)side),
					    boxes->counts[side]);
		if (client[side] == boxes->counts[side])
			return false;
	}
	return true;
}

/* Adds what is in the first box: on the sides before this one, in the second too; on this one, not
 * in the second. */
static void add_rest(struct pga_boxes *to, const uint64_t *first, const uint64_t *second,
		     int without)
{
	uint64_t *rest = pga_boxes_add(to);
	size_t at = 0;
	bool any = false;

	for (int side = 0; rest != NULL && side < PGA_BOX_SIDES; side++)
		for (size_t i = 0; i < to->words[side]; i++, at++) {
			rest[at] = first[at];
			if (side < without)
				rest[at] &= second[at];
			if (side == without)
				rest[at] &= ~second[at];
			any = any || (side == without && rest[at] != 0);
		}
	if (rest != NULL && without < PGA_BOX_SIDES && !any)
		to->count--;
}

void pga_boxes_move(struct pga_boxes *from, uint64_t *box, struct pga_boxes *to)
{
	struct pga_boxes rest;
	size_t client[PGA_BOX_SIDES];

	pga_boxes_begin(&rest, from->counts);
	rest.failed = from->failed;
	for (size_t i = 0; i < from->count; i++) {
		const uint64_t *one = pga_boxes_at(from, i);
		const bool common = have_common(from, pga_boxes_at(from, i), box, client);

		for (int side = 0; common && side < PGA_BOX_SIDES; side++)
			add_rest(&rest, one, box, side);
		if (common && to != NULL)
			add_rest(to, one, box, PGA_BOX_SIDES);
		if (!common) {
			uint64_t *same = pga_boxes_add(&rest);

			if (same != NULL)
				memcpy(same, one, rest.stride * sizeof *same);
		}
	}
	free(from->bits);
	*from = rest;
}

bool pga_boxes_meet(const struct pga_boxes *one, const struct pga_boxes *other,
		    size_t client[PGA_BOX_SIDES])
{
	for (size_t i = 0; i < one->count; i++)
		for (size_t k = 0; k < other->count; k++)
			if (have_common(one, pga_boxes_at(one, i), pga_boxes_at(other, k), client))
				return true;
	return false;
}
