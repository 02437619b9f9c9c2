"""One connection in languages that come to libpq in ways of their own: each says t or f for TLS, or "bad: " and why not."""

PGSQL = ('$c = @pg_connect($argv[1]); if (!$c) { echo "bad: ", error_get_last()["message"], "\\n"; exit(1); } '
         'echo pg_fetch_result(pg_query($c, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"), 0, 0), "\\n";')
PDO = ('try { $c = new PDO("pgsql:" . $argv[1]); '
       'echo $c->query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")->fetchColumn() ? "t" : "f", "\\n"; } '
       'catch (PDOException $e) { echo "bad: ", $e->getMessage(), "\\n"; exit(1); }')
RUBY = ('require "pg"; begin; c = PG.connect(ARGV[0]); '
        'puts c.exec("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").getvalue(0, 0); '
        'rescue PG::Error => e; puts "bad: #{e.message}"; exit 1; end')
CTYPES = """
import ctypes, sys
pq = ctypes.CDLL("libpq.so.5")
for name in ("PQconnectdb", "PQconnectStart"):
    getattr(pq, name).restype = ctypes.c_void_p
pq.PQerrorMessage.restype = ctypes.c_char_p
for function in (pq.PQconnectPoll, pq.PQstatus, pq.PQsslInUse, pq.PQerrorMessage, pq.PQfinish):
    function.argtypes = [ctypes.c_void_p]
conn = pq.PQconnectStart(sys.argv[1].encode())
while pq.PQstatus(conn) != 1 and pq.PQconnectPoll(conn) not in (0, 3):
    pass
stands = pq.PQstatus(conn) == 0
print(("t" if pq.PQsslInUse(conn) else "f") if stands else "bad: " + pq.PQerrorMessage(conn).decode())
pq.PQfinish(conn)
sys.exit(not stands)
"""
FFI = """
$pq = FFI::cdef("void *PQconnectdb(const char *); int PQstatus(void *); char *PQerrorMessage(void *); int PQsslInUse(void *);
                 void PQfinish(void *);", "libpq.so.5");
$c = $pq->PQconnectdb($argv[1]);
echo $pq->PQstatus($c) != 0 ? "bad: " . FFI::string($pq->PQerrorMessage($c)) : ($pq->PQsslInUse($c) ? "t" : "f") . "\\n";
$pq->PQfinish($c);
"""
LANGUAGES = {
    "php-pgsql": ["php", "-r", PGSQL],
    "php-pdo": ["php", "-r", PDO],
    # PHP opens ffi.so with RTLD_DEEPBIND, and that opens libpq.
    "php-ffi": ["php", "-n", "-d", "extension=ffi", "-d", "ffi.enable=1", "-r", FFI],
    "ruby-pg": ["ruby", "-e", RUBY],
    "python-ctypes": ["/usr/bin/python3", "-c", CTYPES],
}
