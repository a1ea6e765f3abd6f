-- Primary keys change (shift, swap through a free value, move onto a dangling reference); the referring views follow.
-- setup
CREATE TABLE u (id integer PRIMARY KEY, name text);
CREATE TABLE m (a integer, b integer, note text, PRIMARY KEY (a, b));
INSERT INTO u VALUES (1, 'ann'), (2, 'bob'), (3, 'cyd'), (4, NULL);
INSERT INTO m VALUES (1, 2, 'n1'), (1, 3, 'n2'), (2, 3, NULL), (5, 1, 'n4');
-- view both_names
SELECT m.a, m.b, x.name AS na, y.name AS nb FROM m JOIN u x ON x.id = m.a JOIN u y ON y.id = m.b
-- view left_names
SELECT m.a, m.b, x.name AS na, m.note FROM m LEFT JOIN u x ON x.id = m.a
-- view no_mail
SELECT id, name FROM u WHERE id NOT IN (SELECT a FROM m) AND id NOT IN (SELECT b FROM m)
-- view degree
SELECT u.id, u.name, count(m.a) AS deg FROM u LEFT JOIN m ON u.id = m.a OR u.id = m.b GROUP BY u.id, u.name
-- view maxid
SELECT max(id) AS mx, min(id) AS mn, count(*) AS n FROM u
-- step
UPDATE u SET id = 5 WHERE id = 1;
-- step
UPDATE u SET id = 100 WHERE id = 2;
UPDATE u SET id = 2 WHERE id = 3;
UPDATE u SET id = 3 WHERE id = 100;
-- step
UPDATE m SET a = b, b = a WHERE a = 1;
-- step
UPDATE u SET id = id + 10, name = COALESCE(name, '') || '+';
-- step
UPDATE m SET a = a + 10, b = b + 10;
-- step
DELETE FROM u WHERE id = 12;
INSERT INTO u VALUES (12, 'twelve'), (11, 'eleven');
