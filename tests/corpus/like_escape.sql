-- LIKE with patterns from columns, and constants counted as what they are.
-- setup
CREATE TABLE texts (id int PRIMARY KEY, t text, p text);
INSERT INTO texts VALUES (1, 'abc', 'a%'), (2, 'a%c', 'a\%c'), (3, 'abc', 'a\%c'), (4, NULL, '%'), (5, '', '_'), (6, 'mississippi', '%iss%ip_'),
  (7, 'abc', NULL), (8, 'y', 'x\');
-- view v_like
SELECT id, t LIKE p AS l, t NOT LIKE p AS n, upper(t) ILIKE p AS i FROM texts
-- view v_filter
SELECT id FROM texts WHERE t LIKE p || '%' AND id < 8
-- view v_literal
SELECT id FROM texts WHERE t LIKE 'x\' OR t LIKE '%b_'
-- view v_constants
SELECT count(1::smallint) AS a, count(1::bigint) AS b, count(1) AS c, count(*) AS d, count('x') AS e FROM texts
-- step
UPDATE texts SET t = 'zaby' WHERE id = 1;
-- step
INSERT INTO texts VALUES (9, 'aXc', 'a_c%');
