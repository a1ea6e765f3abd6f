-- = ANY and <> ALL over arrays that are written out: as IN, with its three values.
-- setup
CREATE TABLE items (id int PRIMARY KEY, state text, price numeric(10,2), day date);
INSERT INTO items VALUES (1, 'new', 1.50, '2026-01-01'), (2, 'old', 2, '2026-01-02'), (3, NULL, NULL, NULL), (4, 'x', 7.25, '2026-02-01');
-- view found
SELECT id FROM items WHERE state = ANY('{new,old}') OR id = ANY(ARRAY[4, 9])
-- view three
SELECT id, state = ANY('{new,NULL}') AS a, id = ANY('{1,null,3}') AS b, NOT (id = ANY(ARRAY[1, NULL])) AS c,
  id <> ALL('{1,2}') AS d, price <> ALL(ARRAY[1.50, NULL]) AS e, state = ANY('{}') AS f,
  7 = ANY(ARRAY[1, NULL]) AS g, 7 <> ALL('{1,NULL}') AS h
FROM items
-- view other
SELECT id FROM items WHERE price = ANY('{1.5,7.250}') OR day = ANY('{2026-01-02}')
-- view not_any
SELECT state, count(*) AS n FROM items WHERE state <> ALL('{old,"x"}') GROUP BY state
-- step
UPDATE items SET state = 'old' WHERE id = 3;
INSERT INTO items VALUES (5, 'new', 1.5, '2026-01-02');
-- step
DELETE FROM items WHERE id = ANY('{1,5}');
UPDATE items SET id = 9 WHERE id <> ALL('{2,3}');
