// A C++ program on libpqxx: prints whether its connection has TLS, "t" or "f", or why it has none.
#include <iostream>
#include <pqxx/pqxx>

int main(int argc, char **argv)
{
	try {
		pqxx::connection connection(argc == 2 ? argv[1] : "");
		pqxx::work work(connection);

		std::cout << work.exec("SELECT ssl FROM pg_stat_ssl "
				       "WHERE pid = pg_backend_pid()")[0][0]
				 .as<std::string>()
			  << "\n";
	} catch (const std::exception &error) {
		std::cout << "bad: " << error.what() << "\n";
		return 1;
	}
}
