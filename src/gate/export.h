/* What programs reach of the gate. */
#ifndef PGA_GATE_EXPORT_H
#define PGA_GATE_EXPORT_H

/* The functions that a program reaches instead of libpq's. */
#define GATE_EXPORT __attribute__((visibility("default")))

/* Where the function that this is written in will return to. */
#define GATE_CALLER() __builtin_extract_return_addr(__builtin_return_address(0))

#endif
