-- Views upon views, four deep: filter, join, aggregate, top-k, and one base table read again at the top.
-- setup
CREATE TABLE acct (id integer PRIMARY KEY, owner text, kind text);
CREATE TABLE txn (acct integer, amt numeric(10,2), ok boolean);
INSERT INTO acct VALUES (1, 'ann', 'x'), (2, 'bob', 'x'), (3, 'ann', 'y'), (4, NULL, 'y'), (5, 'cy', NULL);
INSERT INTO txn VALUES (1, 10.00, true), (1, 10.00, true), (2, 5.50, true), (2, 99.00, false), (3, -2.25, true), (4, 7.00, true), (9, 1.00, true), (NULL, 1.00, true);
-- view v1
SELECT acct, amt FROM txn WHERE ok
-- view v2
SELECT a.id, a.owner, a.kind, v1.amt FROM acct a LEFT JOIN v1 ON v1.acct = a.id
-- view v3
SELECT owner, count(amt) AS n, sum(amt) AS s FROM v2 GROUP BY owner
-- view v4
SELECT owner, s FROM v3 WHERE s IS NOT NULL ORDER BY s DESC, owner LIMIT 2
-- view v4_join
SELECT a.id, a.kind, v4.s FROM acct a JOIN v4 ON v4.owner = a.owner
-- step
INSERT INTO txn VALUES (5, 30.00, true), (3, 1.00, false);
-- step
UPDATE txn SET ok = NOT ok WHERE acct IN (2, 3);
-- step
UPDATE acct SET owner = 'bob' WHERE id = 1;
-- step
DELETE FROM txn WHERE acct = 1;
INSERT INTO acct VALUES (9, 'ann', 'z');
-- step
DELETE FROM acct;
-- step
INSERT INTO acct VALUES (2, 'dee', 'x'), (4, 'dee', 'y'), (5, NULL, 'y');
TRUNCATE txn;
-- step
INSERT INTO txn VALUES (2, 1.00, true), (4, 2.00, true), (5, 3.00, true), (5, 3.00, true);
