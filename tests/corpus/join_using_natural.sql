-- USING and NATURAL joins (merged key columns), inner and outer, with NULL keys and a changing primary key.
-- setup
CREATE TABLE dept (dept_id integer PRIMARY KEY, dname text, city text);
CREATE TABLE emp (emp_id integer PRIMARY KEY, dept_id integer, city text, sal numeric(8,2));
INSERT INTO dept VALUES (1, 'R&D', 'Bern'), (2, 'Ops', 'Oslo'), (3, 'HR', NULL), (4, '', 'Rome');
INSERT INTO emp VALUES (1, 1, 'Bern', 100.00), (2, 1, 'Oslo', 200.50), (3, 2, 'Oslo', 150.25), (4, NULL, 'Rome', 90.00), (5, 3, NULL, 70.10), (6, 9, 'Rome', 10.00);
-- view u_inner
SELECT dept_id, dname, emp_id, sal FROM dept JOIN emp USING (dept_id)
-- view u_two
SELECT dept_id, city, dname, emp_id, sal FROM dept JOIN emp USING (dept_id, city)
-- view u_natural
SELECT dept_id, city, emp_id, sal, dname FROM emp NATURAL JOIN dept
-- view u_left
SELECT dept_id, dname, emp_id FROM emp LEFT JOIN dept USING (dept_id)
-- view u_full
SELECT coalesce(d.dept_id, e.dept_id) AS dept_id, dname, emp_id FROM dept d FULL JOIN emp e ON d.dept_id = e.dept_id AND d.city = e.city
-- view u_natural_full
SELECT dept_id, city, dname, sal FROM dept NATURAL LEFT JOIN emp
-- step
UPDATE emp SET dept_id = 4 WHERE dept_id IS NULL;
-- step
UPDATE dept SET city = 'Rome' WHERE dept_id = 3;
UPDATE emp SET city = 'Rome' WHERE emp_id = 5;
-- step
UPDATE dept SET dept_id = 9 WHERE dept_id = 4;
-- step
DELETE FROM dept WHERE dept_id = 1;
INSERT INTO emp VALUES (7, 2, 'Oslo', 1.00);
-- step
INSERT INTO dept VALUES (1, 'New', 'Bern'), (5, 'Void', 'Void');
UPDATE emp SET emp_id = emp_id + 100;
-- step
DELETE FROM emp;
