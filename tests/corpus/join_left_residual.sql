-- Left/right/full joins whose ON holds residual conditions on both sides or on one side only (they decide the match, not the row).
-- setup
CREATE TABLE o (id integer PRIMARY KEY, k integer, amt integer, live boolean);
CREATE TABLE d (id integer PRIMARY KEY, k integer, lim integer, tag text);
INSERT INTO o VALUES (1, 1, 100, true), (2, 1, 50, false), (3, 2, 70, true), (4, NULL, 10, true), (5, 3, NULL, NULL);
INSERT INTO d VALUES (1, 1, 60, 'x'), (2, 1, 90, 'y'), (3, 2, 80, 'x'), (4, NULL, 5, 'x'), (5, 3, 1, NULL);
-- view r_both
SELECT o.id, o.amt, d.id AS did, d.lim FROM o LEFT JOIN d ON o.k = d.k AND o.amt > d.lim
-- view r_leftonly
SELECT o.id, o.live, d.id AS did FROM o LEFT JOIN d ON o.k = d.k AND o.live
-- view r_rightonly
SELECT o.id, d.id AS did, d.tag FROM o LEFT JOIN d ON o.k = d.k AND d.tag = 'x'
-- view r_right
SELECT o.id, d.id AS did, d.tag FROM o RIGHT JOIN d ON o.k = d.k AND o.amt < d.lim
-- view r_full
SELECT o.id, d.id AS did FROM o FULL JOIN d ON o.k = d.k AND o.id = d.id
-- view r_nokey
SELECT o.id, d.id AS did FROM o LEFT JOIN d ON o.amt < d.lim
-- view r_false
SELECT o.id, d.tag FROM o LEFT JOIN d ON o.k = d.k AND d.lim IS NULL
-- step
UPDATE d SET lim = 40 WHERE id = 1;
-- step
UPDATE o SET live = NOT live;
-- step
UPDATE d SET lim = NULL WHERE id = 3;
UPDATE o SET amt = 95 WHERE id = 2;
-- step
UPDATE d SET tag = 'y' WHERE tag = 'x';
UPDATE o SET k = 2 WHERE id = 5;
-- step
UPDATE o SET id = id + 10 WHERE id < 3;
INSERT INTO d VALUES (11, 1, 99, 'x');
-- step
DELETE FROM d WHERE k = 1;
INSERT INTO o VALUES (20, 2, 0, true);
DELETE FROM o WHERE id = 20;
-- step
UPDATE d SET k = 1, lim = 20;
