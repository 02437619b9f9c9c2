typedef void *connect_function(const char *conninfo);
typedef char *message_function(const void *conn);
typedef void finish_function(void *conn);
typedef const char *outer_function(const char *conninfo);
