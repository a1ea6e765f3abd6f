-- Literals and casts that the planner reads otherwise: exponents, times in intervals, arrays after ANY, NULLs beside uuids.
-- setup
CREATE TABLE l (id integer PRIMARY KEY, u uuid, s text, n integer, at timestamp, f double precision);
INSERT INTO l VALUES (1, NULL, 'abcdef', 5, '2024-01-31 10:00:00', 1), (2, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, 'ééé', NULL, NULL, -1e308), (3, 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A12', NULL, -2, '9999-12-31 23:59:59', 2e-5);
-- view v_exponents
SELECT id, n * floor(1.5e3) AS a, n + 1e-2 AS b, f + 1e15::float8 AS c, CAST(f AS text) AS t FROM l
-- view v_intervals
SELECT id, at + interval '3 days 04:05:06' AS a, at - interval '00:00:00.5' AS b, at + '1-2'::interval AS c, at - interval '-01:30' AS d FROM l
-- view v_arrays
SELECT id, n = ANY (ARRAY[5, 6]) AS a, n = ANY (ARRAY[7, NULL]) AS b, n <> ALL (ARRAY[7, 8]) AS c, n > ANY (ARRAY[4, 9]) AS d, n < ALL (ARRAY[4, 9]) AS e FROM l
-- view v_casts
SELECT id, s::varchar(3) AS a, n::varchar(1) AS b, concat(s, n > 0, '-', n) AS c, concat_ws(',', n IS NULL, s) AS d, CAST(at::date + 1 AS text) AS e FROM l
-- view v_uuids
SELECT id, coalesce(u, '00000000-0000-0000-0000-000000000000') AS a, CASE WHEN n > 0 THEN u END AS b, nullif(u, 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11') AS c, u::text AS d FROM l
-- view v_values
SELECT l.id, x.b FROM l JOIN (VALUES (1, NULL), (2, 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid)) AS x (a, b) ON x.a = l.id
-- view v_pads
SELECT id, lpad(s, n, '*') AS a, rpad(s, n + 3, '-') AS b FROM l
-- step
UPDATE l SET n = n - 6, f = f / 10;
INSERT INTO l VALUES (4, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a13'::uuid, '😀x', 7, '0001-01-01 00:00:00', 1e-300), (5, NULL, '', 8, NULL, 123456789012345680);
-- step
UPDATE l SET u = '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}' WHERE u IS NULL;
DELETE FROM l WHERE id = 2;
