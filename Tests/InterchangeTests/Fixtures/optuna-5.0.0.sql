PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE studies (
	study_id INTEGER NOT NULL, 
	study_name VARCHAR(512) NOT NULL, 
	PRIMARY KEY (study_id)
);
INSERT INTO studies VALUES(1,'single');
INSERT INTO studies VALUES(2,'multi');
CREATE TABLE version_info (
	version_info_id INTEGER NOT NULL, 
	schema_version INTEGER, 
	library_version VARCHAR(256), 
	PRIMARY KEY (version_info_id), 
	CHECK (version_info_id=1)
);
INSERT INTO version_info VALUES(1,12,'5.0.0');
CREATE TABLE study_directions (
	study_direction_id INTEGER NOT NULL, 
	direction VARCHAR(8) NOT NULL, 
	study_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	PRIMARY KEY (study_direction_id), 
	UNIQUE (study_id, objective), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO study_directions VALUES(1,'MAXIMIZE',1,0);
INSERT INTO study_directions VALUES(2,'MINIMIZE',2,0);
INSERT INTO study_directions VALUES(3,'MAXIMIZE',2,1);
CREATE TABLE study_user_attributes (
	study_user_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_user_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO study_user_attributes VALUES(1,1,'owner','"ann"');
CREATE TABLE study_system_attributes (
	study_system_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_system_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO study_system_attributes VALUES(1,2,'study:metric_names','["loss", "acc"]');
CREATE TABLE trials (
	trial_id INTEGER NOT NULL, 
	number INTEGER, 
	study_id INTEGER, 
	state VARCHAR(8) NOT NULL, 
	datetime_start DATETIME, 
	datetime_complete DATETIME, 
	PRIMARY KEY (trial_id), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO trials VALUES(1,0,1,'COMPLETE','2026-11-21 18:25:20.994382','2026-11-21 18:25:21.313699');
INSERT INTO trials VALUES(2,1,1,'COMPLETE','2026-11-21 18:25:21.363137','2026-11-21 18:25:21.510300');
INSERT INTO trials VALUES(3,2,1,'COMPLETE','2026-11-21 18:25:21.540504','2026-11-21 18:25:21.777883');
INSERT INTO trials VALUES(4,3,1,'COMPLETE','2026-11-21 18:25:21.811312','2026-11-21 18:25:22.058080');
INSERT INTO trials VALUES(5,4,1,'PRUNED','2026-11-21 18:25:22.089294','2026-11-21 18:25:22.285082');
INSERT INTO trials VALUES(6,5,1,'COMPLETE','2026-11-21 18:25:22.325405','2026-11-21 18:25:22.632717');
INSERT INTO trials VALUES(7,6,1,'FAIL','2026-11-21 18:25:22.682368','2026-11-21 18:25:22.805633');
INSERT INTO trials VALUES(8,7,1,'COMPLETE','2026-11-21 18:25:22.835110','2026-11-21 18:25:23.042086');
INSERT INTO trials VALUES(9,8,1,'FAIL','2026-11-21 18:25:23.088636','2026-11-21 18:25:23.245627');
INSERT INTO trials VALUES(10,9,1,'COMPLETE','2026-11-21 18:25:23.277994','2026-11-21 18:25:23.543384');
INSERT INTO trials VALUES(11,10,1,'COMPLETE','2026-11-21 18:25:23.570546','2026-11-21 18:25:23.765906');
INSERT INTO trials VALUES(12,11,1,'COMPLETE','2026-11-21 18:25:23.786923','2026-11-21 18:25:23.935201');
INSERT INTO trials VALUES(13,12,1,'RUNNING','2026-11-21 18:25:23.974746',NULL);
INSERT INTO trials VALUES(14,13,1,'WAITING',NULL,NULL);
INSERT INTO trials VALUES(15,0,2,'COMPLETE','2026-11-21 18:25:24.190075','2026-11-21 18:25:24.270147');
INSERT INTO trials VALUES(16,1,2,'COMPLETE','2026-11-21 18:25:24.307468','2026-11-21 18:25:24.392273');
INSERT INTO trials VALUES(17,2,2,'COMPLETE','2026-11-21 18:25:24.447069','2026-11-21 18:25:24.551672');
INSERT INTO trials VALUES(18,3,2,'COMPLETE','2026-11-21 18:25:24.600152','2026-11-21 18:25:24.721443');
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_user_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO trial_user_attributes VALUES(1,1,'note','"trial \u00fc"');
CREATE TABLE trial_system_attributes (
	trial_system_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_system_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO trial_system_attributes VALUES(1,13,'fixed_params','{"lr": 0.01, "layers": 2}');
INSERT INTO trial_system_attributes VALUES(2,14,'fixed_params','{"lr": 0.02, "layers": 3}');
CREATE TABLE trial_params (
	param_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	param_name VARCHAR(512), 
	param_value FLOAT, 
	distribution_json TEXT, 
	PRIMARY KEY (param_id), 
	UNIQUE (trial_id, param_name), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO trial_params VALUES(1,1,'lr',0.00046568046379195655436,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO trial_params VALUES(2,1,'layers',3.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO trial_params VALUES(3,1,'drop',0.0,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.5, "log": false}}');
INSERT INTO trial_params VALUES(4,1,'opt',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["sgd", "adam", null]}}');
INSERT INTO trial_params VALUES(5,1,'momentum',0.18439760926389420214,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.99, "log": false}}');
INSERT INTO trial_params VALUES(6,2,'lr',0.00024112537061475754467,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO trial_params VALUES(7,2,'layers',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO trial_params VALUES(8,2,'drop',0.3000000000000000444,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.5, "log": false}}');
INSERT INTO trial_params VALUES(9,2,'opt',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["sgd", "adam", null]}}');
INSERT INTO trial_params VALUES(10,3,'lr',0.032543911150884875793,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO trial_params VALUES(11,3,'layers',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO trial_params VALUES(12,3,'drop',0.4000000000000000222,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.5, "log": false}}');
INSERT INTO trial_params VALUES(13,3,'opt',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["sgd", "adam", null]}}');
INSERT INTO trial_params VALUES(14,4,'lr',6.2002036771647162788e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO trial_params VALUES(15,4,'layers',4.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO trial_params VALUES(16,4,'drop',0.5,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.5, "log": false}}');
INSERT INTO trial_params VALUES(17,4,'opt',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["sgd", "adam", null]}}');
INSERT INTO trial_params VALUES(18,5,'lr',0.037881455210971193281,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO trial_params VALUES(19,5,'layers',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO trial_params VALUES(20,5,'drop',0.0,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.5, "log": false}}');
INSERT INTO trial_params VALUES(21,5,'opt',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["sgd", "adam", null]}}');
INSERT INTO trial_params VALUES(22,6,'lr',0.00048353787772855094878,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO trial_params VALUES(23,6,'layers',4.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO trial_params VALUES(24,6,'drop',0.3000000000000000444,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.5, "log": false}}');
INSERT INTO trial_params VALUES(25,6,'opt',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["sgd", "adam", null]}}');
INSERT INTO trial_params VALUES(26,6,'momentum',0.82627941517839920138,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.99, "log": false}}');
INSERT INTO trial_params VALUES(27,7,'lr',1.1834587074410610725e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO trial_params VALUES(28,7,'layers',4.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO trial_params VALUES(29,7,'drop',0.5,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.5, "log": false}}');
INSERT INTO trial_params VALUES(30,7,'opt',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["sgd", "adam", null]}}');
INSERT INTO trial_params VALUES(31,8,'lr',2.5876410154210495635e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO trial_params VALUES(32,8,'layers',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO trial_params VALUES(33,8,'drop',0.5,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.5, "log": false}}');
INSERT INTO trial_params VALUES(34,8,'opt',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["sgd", "adam", null]}}');
INSERT INTO trial_params VALUES(35,8,'momentum',0.019173288291594103166,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.99, "log": false}}');
INSERT INTO trial_params VALUES(36,9,'lr',0.0051920890413743835123,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO trial_params VALUES(37,9,'layers',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO trial_params VALUES(38,9,'drop',0.10000000000000000555,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.5, "log": false}}');
INSERT INTO trial_params VALUES(39,9,'opt',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["sgd", "adam", null]}}');
INSERT INTO trial_params VALUES(40,10,'lr',3.8629074184943221551e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO trial_params VALUES(41,10,'layers',3.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO trial_params VALUES(42,10,'drop',0.4000000000000000222,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.5, "log": false}}');
INSERT INTO trial_params VALUES(43,10,'opt',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["sgd", "adam", null]}}');
INSERT INTO trial_params VALUES(44,11,'lr',0.00045364599190093868839,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO trial_params VALUES(45,11,'layers',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO trial_params VALUES(46,11,'drop',0.3000000000000000444,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.5, "log": false}}');
INSERT INTO trial_params VALUES(47,11,'opt',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["sgd", "adam", null]}}');
INSERT INTO trial_params VALUES(48,12,'lr',0.0022193212012672331422,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO trial_params VALUES(49,12,'layers',4.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO trial_params VALUES(50,12,'drop',0.0,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.5, "log": false}}');
INSERT INTO trial_params VALUES(51,12,'opt',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["sgd", "adam", null]}}');
INSERT INTO trial_params VALUES(52,13,'lr',0.010000000000000000208,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO trial_params VALUES(53,15,'x',-0.64005097857996240406,'{"name": "FloatDistribution", "attributes": {"step": null, "low": -5.0, "high": 5.0, "log": false}}');
INSERT INTO trial_params VALUES(54,15,'k',0.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 0, "high": 3}}');
INSERT INTO trial_params VALUES(55,16,'x',0.49662477878709143652,'{"name": "FloatDistribution", "attributes": {"step": null, "low": -5.0, "high": 5.0, "log": false}}');
INSERT INTO trial_params VALUES(56,16,'k',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 0, "high": 3}}');
INSERT INTO trial_params VALUES(57,17,'x',-0.79632197912510971349,'{"name": "FloatDistribution", "attributes": {"step": null, "low": -5.0, "high": 5.0, "log": false}}');
INSERT INTO trial_params VALUES(58,17,'k',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 0, "high": 3}}');
INSERT INTO trial_params VALUES(59,18,'x',-2.9535136596215751936,'{"name": "FloatDistribution", "attributes": {"step": null, "low": -5.0, "high": 5.0, "log": false}}');
INSERT INTO trial_params VALUES(60,18,'k',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 0, "high": 3}}');
CREATE TABLE trial_values (
	trial_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	value FLOAT, 
	value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_value_id), 
	UNIQUE (trial_id, objective), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO trial_values VALUES(1,1,0,-0.625,'FINITE');
INSERT INTO trial_values VALUES(2,2,0,-0.875,'FINITE');
INSERT INTO trial_values VALUES(3,3,0,-1.625,'FINITE');
INSERT INTO trial_values VALUES(4,4,0,-1.625,'FINITE');
INSERT INTO trial_values VALUES(5,5,0,-2.625,'FINITE');
INSERT INTO trial_values VALUES(6,6,0,-0.75,'FINITE');
INSERT INTO trial_values VALUES(7,8,0,NULL,'INF_POS');
INSERT INTO trial_values VALUES(8,10,0,-1.75,'FINITE');
INSERT INTO trial_values VALUES(9,11,0,-0.5,'FINITE');
INSERT INTO trial_values VALUES(10,12,0,-0.75,'FINITE');
INSERT INTO trial_values VALUES(11,15,0,0.40999999999999997557,'FINITE');
INSERT INTO trial_values VALUES(12,15,1,0.0,'FINITE');
INSERT INTO trial_values VALUES(13,16,0,0.24699999999999999733,'FINITE');
INSERT INTO trial_values VALUES(14,16,1,1.0,'FINITE');
INSERT INTO trial_values VALUES(15,17,0,0.63400000000000000799,'FINITE');
INSERT INTO trial_values VALUES(16,17,1,1.0,'FINITE');
INSERT INTO trial_values VALUES(17,18,0,8.7230000000000007531,'FINITE');
INSERT INTO trial_values VALUES(18,18,1,2.0,'FINITE');
CREATE TABLE trial_intermediate_values (
	trial_intermediate_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	intermediate_value FLOAT, 
	intermediate_value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_intermediate_value_id), 
	UNIQUE (trial_id, step), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO trial_intermediate_values VALUES(1,1,0,-2.625,'FINITE');
INSERT INTO trial_intermediate_values VALUES(2,1,1,-1.625,'FINITE');
INSERT INTO trial_intermediate_values VALUES(3,1,2,-0.625,'FINITE');
INSERT INTO trial_intermediate_values VALUES(4,2,0,-2.875,'FINITE');
INSERT INTO trial_intermediate_values VALUES(5,2,1,-1.875,'FINITE');
INSERT INTO trial_intermediate_values VALUES(6,2,2,-0.875,'FINITE');
INSERT INTO trial_intermediate_values VALUES(7,3,0,-3.625,'FINITE');
INSERT INTO trial_intermediate_values VALUES(8,3,1,-2.625,'FINITE');
INSERT INTO trial_intermediate_values VALUES(9,3,2,-1.625,'FINITE');
INSERT INTO trial_intermediate_values VALUES(10,4,0,-3.625,'FINITE');
INSERT INTO trial_intermediate_values VALUES(11,4,1,NULL,'NAN');
INSERT INTO trial_intermediate_values VALUES(12,4,2,-1.625,'FINITE');
INSERT INTO trial_intermediate_values VALUES(13,5,0,-3.625,'FINITE');
INSERT INTO trial_intermediate_values VALUES(14,5,1,-2.625,'FINITE');
INSERT INTO trial_intermediate_values VALUES(15,6,0,-2.75,'FINITE');
INSERT INTO trial_intermediate_values VALUES(16,6,1,-1.75,'FINITE');
INSERT INTO trial_intermediate_values VALUES(17,6,2,-0.75,'FINITE');
INSERT INTO trial_intermediate_values VALUES(18,10,0,-3.75,'FINITE');
INSERT INTO trial_intermediate_values VALUES(19,10,1,-2.75,'FINITE');
INSERT INTO trial_intermediate_values VALUES(20,10,2,-1.75,'FINITE');
INSERT INTO trial_intermediate_values VALUES(21,11,0,-2.5,'FINITE');
INSERT INTO trial_intermediate_values VALUES(22,11,1,-1.5,'FINITE');
INSERT INTO trial_intermediate_values VALUES(23,11,2,-0.5,'FINITE');
INSERT INTO trial_intermediate_values VALUES(24,12,0,-2.75,'FINITE');
INSERT INTO trial_intermediate_values VALUES(25,12,1,-1.75,'FINITE');
INSERT INTO trial_intermediate_values VALUES(26,12,2,-0.75,'FINITE');
CREATE TABLE trial_heartbeats (
	trial_heartbeat_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	heartbeat DATETIME NOT NULL, 
	PRIMARY KEY (trial_heartbeat_id), 
	UNIQUE (trial_id), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO alembic_version VALUES('v3.2.0.a');
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
CREATE INDEX ix_trials_study_id ON trials (study_id);
COMMIT;
