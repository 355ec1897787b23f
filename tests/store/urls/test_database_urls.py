"""URLs of database servers, as operators have them in nova.conf and tacker.conf, for libpq and for SQLAlchemy."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.sql.databases import SERVERS
from vimesh.domain.errors import BadSetting
from vimesh.store.databases.open_database import parse_database_url
from vimesh.store.dialects.mysql.mysql_url import SUPPORTED_PARAMETERS as MYSQL
from vimesh.store.dialects.mysql.mysql_url import MysqlPlace, mysql_place
from vimesh.store.dialects.postgresql.postgresql_url import SUPPORTED_PARAMETERS as POSTGRESQL
from vimesh.store.dialects.postgresql.postgresql_url import PostgresqlPlace, postgresql_place
from vimesh.store.dialects.server_dialect import DatabaseServer
from vimesh.store.urls.database_url import database_url
from vimesh.store.urls.server_addresses import ServerAddress

DOCS = Path(__file__).parents[3] / "docs" / "operating" / "database-urls.md"


def postgresql(url: str) -> PostgresqlPlace:
    assert isinstance(parse_database_url(url), DatabaseServer)
    return postgresql_place(database_url(url))


def mysql(url: str) -> MysqlPlace:
    assert isinstance(parse_database_url(url), DatabaseServer)
    return mysql_place(database_url(url))


def refusal(url: str) -> str:
    with pytest.raises(BadSetting) as refused:
        parse_database_url(url)
    return str(refused.value)


@pytest.mark.parametrize(
    ("hosts", "found"),
    [
        ("db.example/v", ["db.example:5432"]),
        ("db.example:5433/v", ["db.example:5433"]),
        ("192.0.2.1/v", ["192.0.2.1:5432"]),
        ("[2001:db8::1]/v", ["[2001:db8::1]:5432"]),
        ("[2001:db8::1]:5433/v", ["[2001:db8::1]:5433"]),
        ("h1,h2/v", ["h1:5432", "h2:5432"]),
        ("h1:5433,[::1]:5434,h3/v", ["h1:5433", "[::1]:5434", "h3:5432"]),
        ("/v?host=h1:5433&host=h2", ["h1:5433", "h2:5432"]),
        ("/v?host=h1,h2&port=5433,5434", ["h1:5433", "h2:5434"]),
        ("/v?host=h1&port=5433&host=h2&port=5434", ["h1:5433", "h2:5434"]),
        ("/v?host=h1,h2&port=5433", ["h1:5433", "h2:5433"]),
        ("h1,h2/v?port=5433", ["h1:5433", "h2:5433"]),
        ("/v?host=/run/pg", ["/run/pg"]),
        ("%2Frun%2Fpg/v", ["/run/pg"]),
        ("%2Frun%2Fpg:5433/v", ["/run/pg"]),
        ("/v?host=/run/pg&port=5433", ["/run/pg"]),
        ("/v", ["/var/run/postgresql", "/tmp", "localhost:5432"]),
        ("?dbname=v&host=h1", ["h1:5432"]),
        ("/v?host=::1", ["[::1]:5432"]),
    ],
)
def test_hosts_of_postgresql(hosts: str, found: list[str]) -> None:
    for user in ("", "u@", "u:p@", "u:p%40%2F@"):
        place = postgresql(f"postgresql://{user}{hosts}")
        assert [str(address) for address in place.addresses] == found
        assert place.database == "v"
        # Of several that somebody names, one may only read. Where a server of this machine is, is another question.
        assert place.session == ("read-write" if len(found) > 1 and "localhost" not in found[-1] else "any")


def test_a_socket_keeps_the_port_in_its_name() -> None:
    assert postgresql("postgresql://u@/v?host=/run/pg&port=5433").addresses == (ServerAddress("/run/pg", 5433),)
    assert postgresql("postgresql://u@%2Frun%2Fpg:5433/v").addresses == (ServerAddress("/run/pg", 5433),)


@pytest.mark.parametrize(
    "driver", ["", "+asyncpg", "+psycopg2", "+psycopg", "+psycopg_async", "+pg8000", "+psycopg2cffi"]
)
@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_drivers_of_postgresql(scheme: str, driver: str) -> None:
    assert postgresql(f"{scheme}{driver}://u@h/v").addresses == (ServerAddress("h", 5432),)


@pytest.mark.parametrize("driver", ["", "+asyncmy", "+pymysql", "+mysqldb", "+mysqlconnector", "+aiomysql", "+cymysql"])
@pytest.mark.parametrize("scheme", ["mysql", "mariadb"])
def test_drivers_of_mysql(scheme: str, driver: str) -> None:
    assert mysql(f"{scheme}{driver}://u@h/v?charset=utf8").addresses == (ServerAddress("h", 3306),)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("mysql+pymysql://nova:pw@controller/nova_api", "controller:3306"),
        ("mysql+pymysql://nova:pw@controller:3307/nova?charset=utf8", "controller:3307"),
        ("mysql+pymysql://u:pw@[2001:db8::1]/v?charset=utf8mb4&plugin=dbcounter", "[2001:db8::1]:3306"),
        ("mysql://u@/v?unix_socket=/run/mysqld/mysqld.sock", "/run/mysqld/mysqld.sock"),
        ("mysql://u@localhost/v?unix_socket=/run/mysqld/mysqld.sock", "/run/mysqld/mysqld.sock"),
        ("mysql://u@/v", "localhost:3306"),
        ("mysql://u@h1,h2:3307,[::1]/v", "h1:3306 h2:3307 [::1]:3306"),
    ],
)
def test_addresses_of_mysql(url: str, address: str) -> None:
    assert [str(each) for each in mysql(url).addresses] == address.split()


@pytest.mark.parametrize(
    ("written", "password"),
    [
        ("p%40ss%3Aw%2Frd%3F%23%25", "p@ss:w/rd?#%"),
        ("p/a?s:s#w", "p/a?s:s#w"),
        ("%C3%A4%20+", "ä +"),
        ("", ""),
    ],
)
@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_passwords(kind: str, written: str, password: str) -> None:
    url = f"{kind}://us%40er:{written}@h/v"
    place = postgresql(url) if kind == "postgresql" else mysql(url)
    assert (place.user, place.password) == ("us@er", password)
    assert not password or password not in repr(place)
    assert not password or password not in repr(parse_database_url(url))


def test_who_connects_may_stand_among_the_parameters() -> None:
    place = postgresql("postgresql:///?host=h&user=u&password=p&dbname=v&application_name=a&connect_timeout=7")
    assert (place.user, place.password, place.database, place.connect_timeout_s) == ("u", "p", "v", 7)
    assert place.settings == {"application_name": "a"}


@pytest.mark.parametrize("session", ["any", "read-write", "primary"])
def test_what_a_server_must_be(session: str) -> None:
    assert postgresql(f"postgresql://h1,h2/v?target_session_attrs={session}").session == session


@pytest.mark.parametrize("session", ["standby", "read-only", "prefer-standby"])
def test_a_server_that_only_reads_is_of_no_use(session: str) -> None:
    assert "conductors write" in refusal(f"postgresql://h1,h2/v?target_session_attrs={session}")


def test_a_pooler_may_be_told_by_the_parameters_of_sqlalchemy() -> None:
    for name in ("prepared_statement_cache_size", "statement_cache_size"):
        assert postgresql(f"postgresql://h/v?{name}=0").pooled
        assert not postgresql(f"postgresql://h/v?{name}=100").pooled


def test_a_file_of_passwords_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "pass"
    assert f"passfile: {file} cannot be read: No such file" in refusal(f"postgresql://u@h/v?passfile={file}")
    file.write_text("h:5432:v:u:secret\n")
    file.chmod(0o640)
    assert f"chmod 600 {file}" in refusal(f"postgresql://u@h/v?passfile={file}")
    file.chmod(0o600)
    assert postgresql(f"postgresql://u@h/v?passfile={file}").passfile == str(file)


def test_options_of_a_file_like_my_cnf(tmp_path: Path) -> None:
    file = tmp_path / "tripleo.cnf"
    file.write_text(
        '!includedir /etc/my.cnf.d\n# a comment\n[client]\nuser=root\n\n[tripleo]\nuser = "vimesh"\npassword=s%cr#t\n'
        "host=db.example\nport=3307\nbind-address=192.0.2.1\nssl\nssl-cipher=ECDHE-RSA-AES256-GCM-SHA384\n"
    )
    url = f"mysql+pymysql:///v?read_default_file={file}&read_default_group=tripleo"
    place = mysql(url)
    assert (place.user, place.password, str(place.addresses[0])) == ("vimesh", "s%cr#t", "db.example:3307")
    assert (place.tls.mode, place.tls.cipher) == ("REQUIRED", "ECDHE-RSA-AES256-GCM-SHA384")
    assert mysql(f"mysql://other:pw@h/v?read_default_file={file}").user == "other"
    assert "has no part [nova]" in refusal(f"mysql://h/v?read_default_file={file}&read_default_group=nova")
    file.write_text("password=secret\n")
    assert "secret" not in (said := refusal(f"mysql://h/v?read_default_file={file}"))
    assert "is no file of options" in said


@pytest.mark.parametrize(
    ("parameters", "mode"),
    [
        ("", "DISABLED"),
        ("ssl=true", "REQUIRED"),
        ("ssl=false", "DISABLED"),
        ("ssl_mode=PREFERRED", "PREFERRED"),
        ("ssl-mode=verify_ca", "VERIFY_CA"),
        ("ssl_disabled=true", "DISABLED"),
        ("ssl_verify_cert=true", "VERIFY_IDENTITY"),
        ("ssl_verify_cert=true&ssl_verify_identity=false", "VERIFY_CA"),
        ("ssl_verify_identity=true", "VERIFY_IDENTITY"),
        ("ssl_verify_cert=1&ssl_check_hostname=0", "VERIFY_CA"),
        ("ssl_cipher=ECDHE-RSA-AES256-GCM-SHA384", "REQUIRED"),
        ("ssl_capath=/etc/ssl/certs", "VERIFY_IDENTITY"),
        ("ssl_capath=/etc/ssl/certs&ssl_check_hostname=false", "VERIFY_CA"),
        ("ssl_capath=/etc/ssl/certs&ssl_verify_cert=false", "REQUIRED"),
    ],
)
def test_modes_of_tls_of_mysql(parameters: str, mode: str) -> None:
    assert mysql(f"mysql://h/v?{parameters}").tls.mode == mode


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "must look like sqlite:///<path>, postgresql://"),
        ("oracle://h/v", "oracle is not served"),
        ("mysql+pyodbc://h/v", "mysql+pyodbc is not used here"),
        ("postgresql://h", "names no database"),
        ("mysql://h/", "names no database"),
        ("postgresql://h:port/v", "a port must be a number"),
        ("postgresql://h:99999/v", "a port must be a number"),
        ("postgresql://h1,/v", "a host is empty"),
        ("postgresql://::1/v", "must be written as [address]:port"),
        ("postgresql://[::1/v", "must be written as [address]:port"),
        ("postgresql://h1,h2/v?port=1,2,3", "as many as there are hosts"),
        ("postgresql://h1/v?host=h2", "one of them is enough"),
        ("postgresql://h/v?sslmode=yes", "sslmode must be one of disable, allow, prefer, require, verify-ca"),
        ("postgresql://h/v?ssl=require&sslmode=require", "leave one out"),
        ("postgresql://h/v?sslmode=require&sslmode=disable", "sslmode is given twice"),
        ("postgresql://h/v?sslrootcert=/nowhere.pem", "sslrootcert: /nowhere.pem cannot be read: No such file"),
        ("postgresql://h/v?sslrootcert=system", "needs sslmode=verify-full"),
        ("postgresql://h/v?sslrootcert=/etc/passwd", "sslrootcert: /etc/passwd holds no certificates"),
        ("postgresql://h/v?gssencmode=require", "the driver does not do it"),
        ("postgresql://h/v?client_encoding=latin1", "client_encoding must be one of"),
        ("postgresql://h/v?connect_timeout=soon", "connect_timeout must be a whole number from 0 to 60"),
        ("mysql://h/v?ssl_ca=/nowhere.pem", "ssl_ca: /nowhere.pem cannot be read: No such file"),
        ("mysql://h/v?charset=latin1", "charset must be one of"),
        ("mysql://h/v?ssl_cipher=NONE-OF-THESE", "ssl_cipher names no cipher"),
        ("mysql://h/v?ssl_capath=/nowhere", "there is no folder /nowhere"),
        ("mysql://h/v?local_infile=1", "local_infile must be 0"),
        ("mysql://h/v?unix_socket=/run/s", "names a host and unix_socket"),
        ("mysql://h/v?ssl_verify_cert=perhaps", "ssl_verify_cert must be true or false"),
    ],
)
def test_what_cannot_be_used_is_named(url: str, words: str) -> None:
    assert words in refusal(url)
    assert refusal(url).startswith("database_url: ")


@pytest.mark.parametrize(("kind", "taken"), [("postgresql", POSTGRESQL), ("mysql", MYSQL)])
def test_a_parameter_that_is_not_taken_is_named_with_those_that_are(kind: str, taken: dict[str, str]) -> None:
    said = refusal(f"{kind}://u:secret@h/v?sslmodus=secret2")
    assert "sslmodus is not taken" in said
    assert ", ".join(sorted(taken)) in said
    assert "secret" not in said


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:Pa@SeCreT@h/v",
        "postgresql://u:Pa:SeCreT/v",
        "postgresql://u:SeCreT/v",
        "postgresql://u:p@h:SeCreT@h/v",
        "postgresql://u:p@w?%20SeCreT@h/v",
        "postgresql://u:p@w?x=1&SeCreT@h/v",
        "postgresql://u:p@h/v?sslpassword=SeCreT&sslkey=/nowhere",
        "postgresql://u:p@h/v?password=SeCreT&connect_timeout=SeCreT",
        "mysql://u:Pa@SeCreT@h/v",
        "mysql://u:Pa:SeCreT/v",
        "mysql://u:p@h:SeCreT/v",
        "mysql://u:p@h/v?ssl_mode=SeCreT",
        "SeCreT",
    ],
)
def test_no_part_of_a_password_is_repeated(url: str) -> None:
    assert "SeCreT" not in refusal(url)


@pytest.mark.parametrize("taken", [POSTGRESQL, MYSQL], ids=SERVERS)
def test_the_page_on_urls_lists_what_is_taken(taken: dict[str, str]) -> None:
    rows = [f"| `{name}` | {meaning} |" for name, meaning in sorted(taken.items())]

    assert "\n".join(("| parameter | value |", "|---|---|", *rows)) in DOCS.read_text()
