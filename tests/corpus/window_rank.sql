-- row_number, rank, dense_rank with partitions (NULL partition too); rows move between partitions; ties broken by id.
-- setup
CREATE TABLE w (id integer PRIMARY KEY, g text, v integer);
INSERT INTO w VALUES (1, 'a', 10), (2, 'a', 20), (3, 'a', 20), (4, 'b', 5), (5, NULL, 7), (6, NULL, 7), (7, 'b', NULL);
-- view w_rn
SELECT id, g, row_number() OVER (PARTITION BY g ORDER BY v DESC, id) AS rn FROM w
-- view w_rank
SELECT id, v, rank() OVER (ORDER BY v) AS r, dense_rank() OVER (ORDER BY v) AS dr FROM w
-- view w_top2
SELECT id, g, v FROM (SELECT id, g, v, row_number() OVER (PARTITION BY g ORDER BY v DESC NULLS LAST, id) AS rn FROM w) x WHERE rn <= 2
-- view w_latest
SELECT g, id FROM (SELECT g, id, row_number() OVER (PARTITION BY g ORDER BY id DESC) AS rn FROM w) x WHERE rn = 1
-- step
INSERT INTO w VALUES (8, 'a', 15), (9, 'c', 1);
-- step
UPDATE w SET g = 'b' WHERE id = 2;
-- step
DELETE FROM w WHERE g = 'a';
-- step
UPDATE w SET v = 100 WHERE v IS NULL;
UPDATE w SET id = 50 WHERE id = 4;
-- step
UPDATE w SET g = 'z';
-- step
DELETE FROM w;
INSERT INTO w VALUES (1, NULL, NULL), (2, 'q', 3);
