-- Both sides of joins change in one step: inserts that meet, a row deleted while its match is inserted, keys swapped.
-- setup
CREATE TABLE a (id integer PRIMARY KEY, k integer);
CREATE TABLE b (id integer PRIMARY KEY, k integer);
INSERT INTO a VALUES (1, 1), (2, 2), (3, 2), (4, NULL);
INSERT INTO b VALUES (1, 1), (2, 2), (3, 3), (4, NULL);
-- view i
SELECT a.id AS ai, b.id AS bi, a.k FROM a JOIN b ON a.k = b.k
-- view l
SELECT a.id AS ai, b.id AS bi FROM a LEFT JOIN b ON a.k = b.k
-- view f
SELECT a.id AS ai, b.id AS bi FROM a FULL JOIN b ON a.k = b.k AND a.id <= b.id
-- view s
SELECT id FROM a WHERE k IN (SELECT k FROM b)
-- view n
SELECT id FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.k = a.k)
-- view c
SELECT k, count(*) AS c FROM (SELECT k FROM a UNION ALL SELECT k FROM b) u GROUP BY k
-- view x
SELECT k FROM a EXCEPT SELECT k FROM b
-- step
INSERT INTO a VALUES (5, 5);
INSERT INTO b VALUES (5, 5);
-- step
DELETE FROM a WHERE id = 1;
INSERT INTO b VALUES (6, 1);
INSERT INTO a VALUES (6, 3);
-- step
UPDATE a SET k = 1 WHERE k = 2;
UPDATE b SET k = 2 WHERE k = 1;
-- step
DELETE FROM a WHERE k = 5;
DELETE FROM b WHERE k = 5;
UPDATE a SET k = 7 WHERE k IS NULL;
UPDATE b SET k = 7 WHERE k IS NULL;
-- step
UPDATE a SET k = k + 1;
UPDATE b SET k = k - 1;
-- step
DELETE FROM a;
DELETE FROM b;
-- step
INSERT INTO a SELECT g.id, g.k FROM (VALUES (1, 1), (2, 1), (3, NULL)) AS g(id, k);
INSERT INTO b SELECT id, k FROM a;
