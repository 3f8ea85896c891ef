CREATE TABLE account (
    id bigint PRIMARY KEY, owner text NOT NULL, branch int, balance numeric(12,2) DEFAULT 0 CHECK (balance >= 0),
    opened date, active boolean NOT NULL DEFAULT true);
CREATE UNIQUE INDEX account_owner ON account (lower(owner)) WHERE active;
CREATE TABLE branch (id int PRIMARY KEY, name varchar(20) NOT NULL UNIQUE, city text);
CREATE TABLE movement (
    account bigint REFERENCES account ON DELETE CASCADE, at timestamp, amount numeric NOT NULL,
    note varchar(10), cents int GENERATED ALWAYS AS (amount * 100) STORED, PRIMARY KEY CLUSTERED (account, at));
CREATE TABLE t (a int, b text, c double precision, d smallint, e int[]);
CREATE TABLE wide (id int PRIMARY KEY, x int NOT NULL, y int, z int);
CREATE VIEW rich AS SELECT id, owner AS name, balance FROM account WHERE balance > 1000;
CREATE VIEW rich_names (who) AS SELECT name FROM rich
