-- unless: column runs.run_at
ALTER TABLE runs ADD COLUMN run_at DATETIME DEFAULT NULL;
