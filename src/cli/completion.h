/* What the shells complete pganchor's words by: made of the tables of its commands, printed to the
 * standard output. The names of services, anchors and certificates are asked for when they are
 * wanted. */
#ifndef PGA_CLI_COMPLETION_H
#define PGA_CLI_COMPLETION_H

void pga_complete_bash(void);
void pga_complete_fish(void);
void pga_complete_zsh(void);

/* The names that there are, a line each; what cannot be read has none. */
void pga_complete_services(void);
void pga_complete_anchors(void);
void pga_complete_certs(void);

#endif
