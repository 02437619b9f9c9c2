// Connects by lib/pq, which is no libpq.
package main

import (
	"database/sql"
	"fmt"
	"io"
	"os"

	_ "github.com/lib/pq"
)

func main() {
	if os.Args[1] == "wait" {
		fmt.Println("ready")
		io.Copy(io.Discard, os.Stdin)
		return
	}
	db, err := sql.Open("postgres", os.Args[1])
	if err == nil {
		err = db.Ping()
	}
	fmt.Println(err)
}
