// drivers pgx|lib/pq PORT MODES ROOT: connects once for each mode of the JSON array, and says true or false for TLS, or null where a
// certificate was refused.
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/jackc/pgx/v4"
	_ "github.com/lib/pq"
)

const query = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"

func byPgx(conninfo string) (ssl bool, err error) {
	conn, err := pgx.Connect(context.Background(), conninfo)
	if err != nil {
		return false, err
	}
	defer conn.Close(context.Background())
	err = conn.QueryRow(context.Background(), query).Scan(&ssl)
	return ssl, err
}

func byLibpq(conninfo string) (ssl bool, err error) {
	db, err := sql.Open("postgres", conninfo)
	if err != nil {
		return false, err
	}
	defer db.Close()
	err = db.QueryRow(query).Scan(&ssl)
	return ssl, err
}

func main() {
	var modes []*string
	if err := json.Unmarshal([]byte(os.Args[3]), &modes); err != nil {
		panic(err)
	}
	ask := map[string]func(string) (bool, error){"pgx": byPgx, "lib/pq": byLibpq}[os.Args[1]]
	for _, mode := range modes {
		conninfo := "host=localhost dbname=app user=app port=" + os.Args[2]
		if mode != nil {
			conninfo += " sslmode=" + *mode
			if *mode == "verify-full" && os.Args[1] == "lib/pq" {
				conninfo += " sslrootcert=" + os.Args[4]
			}
		}
		ssl, err := ask(conninfo)
		switch {
		case err == nil:
			fmt.Println(ssl)
		case strings.Contains(err.Error(), "certificate"):
			fmt.Println("null")
		default:
			panic(err)
		}
	}
}
