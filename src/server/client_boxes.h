/* Sets of clients, each a union of boxes: some users times some databases times some addresses, by
 * their numbers. */
#ifndef PGA_SERVER_CLIENT_BOXES_H
#define PGA_SERVER_CLIENT_BOXES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pga_box_side { PGA_BOX_USERS, PGA_BOX_DATABASES, PGA_BOX_ADDRESSES, PGA_BOX_SIDES };

struct pga_boxes {
	size_t counts[PGA_BOX_SIDES]; /* of all that there are */
	size_t words[PGA_BOX_SIDES];  /* of 64 bits, in a box */
	size_t stride;
	uint64_t *bits; /* the boxes, one behind the other */
	size_t count;
	size_t room;
	bool failed; /* memory ran out, or there are more boxes than anybody has rules for */
};

/* No client at all, of so many users, databases and addresses. To be freed. */
void pga_boxes_begin(struct pga_boxes *boxes, const size_t counts[PGA_BOX_SIDES]);
void pga_boxes_free(struct pga_boxes *boxes);

/* Adds a box without a client; NULL where that failed. Belongs to the set until the next is added.
 */
uint64_t *pga_boxes_add(struct pga_boxes *boxes);

/* Where the bits of a side begin in a box. */
uint64_t *pga_box_side(const struct pga_boxes *boxes, uint64_t *box, enum pga_box_side side);
void pga_box_set(uint64_t *side, size_t number);
bool pga_box_has(const uint64_t *side, size_t number);
void pga_box_set_all(uint64_t *side, size_t count);

/* Box number i. */
uint64_t *pga_boxes_at(const struct pga_boxes *boxes, size_t i);

/* Takes the clients of the box out of a set, and adds them to another one, unless that is NULL. The
 * box belongs to neither. */
void pga_boxes_move(struct pga_boxes *from, uint64_t *box, struct pga_boxes *to);

/* Whether both have a client, which is the only one in result then. */
bool pga_boxes_meet(const struct pga_boxes *one, const struct pga_boxes *other,
		    size_t client[PGA_BOX_SIDES]);

#endif
