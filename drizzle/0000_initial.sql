CREATE TABLE `account_data` (
	`user_id` text NOT NULL,
	`room_nid` integer NOT NULL,
	`type` text NOT NULL,
	`position` integer NOT NULL,
	`content` text NOT NULL,
	PRIMARY KEY(`user_id`, `room_nid`, `type`)
) WITHOUT ROWID;

CREATE INDEX `account_data_changes` ON `account_data` (`user_id`,`position`);
CREATE TABLE `devices` (
	`user_id` text NOT NULL,
	`device_id` text NOT NULL,
	`display_name` text,
	`last_seen_ts` integer NOT NULL,
	`last_seen_ip` text NOT NULL,
	PRIMARY KEY(`user_id`, `device_id`)
) WITHOUT ROWID;

CREATE TABLE `registration_tokens` (
	`token_hash` text PRIMARY KEY NOT NULL,
	`uses_allowed` integer,
	`used` integer DEFAULT 0 NOT NULL,
	`expires_at` integer,
	`created_at` integer NOT NULL
) WITHOUT ROWID;

CREATE TABLE `token_pairs` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`user_id` text NOT NULL,
	`device_id` text NOT NULL,
	`access_hash` text NOT NULL,
	`expires_at` integer,
	`refresh_hash` text,
	`replaces` integer
);

CREATE UNIQUE INDEX `token_pairs_access` ON `token_pairs` (`access_hash`);
CREATE UNIQUE INDEX `token_pairs_refresh` ON `token_pairs` (`refresh_hash`);
CREATE INDEX `token_pairs_device` ON `token_pairs` (`user_id`,`device_id`);
CREATE TABLE `users` (
	`user_id` text PRIMARY KEY NOT NULL,
	`password_hash` text,
	`admin` integer NOT NULL,
	`created_at` integer NOT NULL,
	`deactivated` integer DEFAULT false NOT NULL
) WITHOUT ROWID;

CREATE TABLE `destinations` (
	`server` text PRIMARY KEY NOT NULL,
	`failing_since` integer,
	`failures` integer NOT NULL,
	`next_attempt` integer NOT NULL,
	`last_success` integer,
	`tried_pdu` integer,
	`tried_edu` integer
) WITHOUT ROWID;

CREATE TABLE `outgoing_edus` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`destination` text NOT NULL,
	`type` text NOT NULL,
	`name` text,
	`content` text NOT NULL,
	`queued_at` integer NOT NULL
);

CREATE INDEX `outgoing_edus_destination` ON `outgoing_edus` (`destination`,`id`);
CREATE UNIQUE INDEX `outgoing_edus_name` ON `outgoing_edus` (`destination`,`name`);
CREATE TABLE `outgoing_pdus` (
	`destination` text NOT NULL,
	`position` integer NOT NULL,
	`room` integer NOT NULL,
	PRIMARY KEY(`destination`, `position`)
) WITHOUT ROWID;

CREATE TABLE `received_transactions` (
	`origin` text NOT NULL,
	`transaction_id` text NOT NULL,
	`received_at` integer NOT NULL,
	`answer` text NOT NULL,
	PRIMARY KEY(`origin`, `transaction_id`)
) WITHOUT ROWID;

CREATE INDEX `received_transactions_of` ON `received_transactions` (`origin`,`received_at`);
CREATE INDEX `received_transactions_age` ON `received_transactions` (`received_at`);
CREATE TABLE `server_key_answers` (
	`server_name` text PRIMARY KEY NOT NULL,
	`answer` text,
	`valid_until` integer NOT NULL,
	`fetched_at` integer NOT NULL
) WITHOUT ROWID;

CREATE INDEX `server_key_answers_by_age` ON `server_key_answers` (`fetched_at`);
CREATE TABLE `server_keys` (
	`server_name` text NOT NULL,
	`key_id` text NOT NULL,
	`public_key` text NOT NULL,
	`valid_until` integer NOT NULL,
	`retired` integer NOT NULL,
	PRIMARY KEY(`server_name`, `key_id`)
) WITHOUT ROWID;

CREATE TABLE `backup_keys` (
	`user_id` text NOT NULL,
	`version` integer NOT NULL,
	`room_id` text NOT NULL,
	`session_id` text NOT NULL,
	`first_message_index` integer NOT NULL,
	`forwarded_count` integer NOT NULL,
	`is_verified` integer NOT NULL,
	`session_data` text NOT NULL,
	PRIMARY KEY(`user_id`, `version`, `room_id`, `session_id`)
) WITHOUT ROWID;

CREATE TABLE `backup_versions` (
	`user_id` text NOT NULL,
	`version` integer NOT NULL,
	`algorithm` text NOT NULL,
	`auth_data` text NOT NULL,
	`etag` integer NOT NULL,
	`count` integer NOT NULL,
	`deleted` integer NOT NULL,
	PRIMARY KEY(`user_id`, `version`)
) WITHOUT ROWID;

CREATE TABLE `cross_signing_keys` (
	`user_id` text NOT NULL,
	`usage` text NOT NULL,
	`public_key` text NOT NULL,
	`json` text NOT NULL,
	PRIMARY KEY(`user_id`, `usage`)
) WITHOUT ROWID;

CREATE TABLE `device_keys` (
	`user_id` text NOT NULL,
	`device_id` text NOT NULL,
	`json` text NOT NULL,
	PRIMARY KEY(`user_id`, `device_id`)
) WITHOUT ROWID;

CREATE TABLE `device_list_changes` (
	`user_id` text PRIMARY KEY NOT NULL,
	`position` integer NOT NULL,
	`stream_id` integer NOT NULL
) WITHOUT ROWID;

CREATE INDEX `device_list_changes_position` ON `device_list_changes` (`position`);
CREATE TABLE `fallback_keys` (
	`user_id` text NOT NULL,
	`device_id` text NOT NULL,
	`algorithm` text NOT NULL,
	`key_id` text NOT NULL,
	`json` text NOT NULL,
	`used` integer NOT NULL,
	PRIMARY KEY(`user_id`, `device_id`, `algorithm`)
) WITHOUT ROWID;

CREATE TABLE `given_keys` (
	`user_id` text NOT NULL,
	`device_id` text NOT NULL,
	`position` integer NOT NULL,
	`digest` text NOT NULL,
	PRIMARY KEY(`user_id`, `device_id`, `position`, `digest`)
) WITHOUT ROWID;

CREATE TABLE `one_time_keys` (
	`user_id` text NOT NULL,
	`device_id` text NOT NULL,
	`algorithm` text NOT NULL,
	`position` integer NOT NULL,
	`key_id` text NOT NULL,
	`json` text NOT NULL,
	PRIMARY KEY(`user_id`, `device_id`, `algorithm`, `position`, `key_id`)
) WITHOUT ROWID;

CREATE TABLE `remote_device_lists` (
	`user_id` text PRIMARY KEY NOT NULL,
	`stream_id` integer NOT NULL,
	`current` integer NOT NULL,
	`asked_at` integer NOT NULL,
	`asked_for` text NOT NULL
) WITHOUT ROWID;

CREATE TABLE `remote_devices` (
	`user_id` text NOT NULL,
	`device_id` text NOT NULL,
	`json` text NOT NULL,
	`display_name` text,
	PRIMARY KEY(`user_id`, `device_id`)
) WITHOUT ROWID;

CREATE TABLE `user_signatures` (
	`signer` text NOT NULL,
	`target` text NOT NULL,
	`target_key` text NOT NULL,
	`signer_key` text NOT NULL,
	`signature` text NOT NULL,
	`position` integer NOT NULL,
	PRIMARY KEY(`signer`, `target`, `target_key`, `signer_key`)
) WITHOUT ROWID;

CREATE INDEX `user_signatures_position` ON `user_signatures` (`signer`,`position`);
CREATE TABLE `media` (
	`media_id` text PRIMARY KEY NOT NULL,
	`owner` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer,
	`content_hash` text,
	`size` integer,
	`content_type` text,
	`upload_name` text
) WITHOUT ROWID;

CREATE INDEX `media_content` ON `media` (`content_hash`);
CREATE INDEX `media_owner` ON `media` (`owner`,`expires_at`);
CREATE TABLE `remote_media` (
	`server` text NOT NULL,
	`media_id` text NOT NULL,
	`content_hash` text NOT NULL,
	`size` integer NOT NULL,
	`thumbnail_bytes` integer NOT NULL,
	`content_type` text,
	`upload_name` text,
	`used_at` integer NOT NULL,
	PRIMARY KEY(`server`, `media_id`)
) WITHOUT ROWID;

CREATE INDEX `remote_media_content` ON `remote_media` (`content_hash`);
CREATE INDEX `remote_media_used` ON `remote_media` (`used_at`);
CREATE TABLE `remote_media_removals` (
	`content_hash` text PRIMARY KEY NOT NULL
) WITHOUT ROWID;

CREATE TABLE `media_removals` (
	`content_hash` text PRIMARY KEY NOT NULL
) WITHOUT ROWID;

CREATE TABLE `openid_tokens` (
	`token_hash` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`expires_at` integer NOT NULL
) WITHOUT ROWID;

CREATE INDEX `openid_tokens_expiry` ON `openid_tokens` (`expires_at`);
CREATE INDEX `openid_tokens_user` ON `openid_tokens` (`user_id`);
CREATE TABLE `disk_days` (
	`day` integer PRIMARY KEY NOT NULL,
	`database_bytes` integer NOT NULL,
	`media_bytes` integer NOT NULL,
	`free_bytes` integer NOT NULL
);

CREATE TABLE `job_runs` (
	`name` text NOT NULL,
	`started_at` integer NOT NULL,
	`duration` integer,
	`result` text NOT NULL,
	`detail` text NOT NULL,
	PRIMARY KEY(`name`, `started_at`)
) WITHOUT ROWID;

CREATE INDEX `job_runs_result` ON `job_runs` (`name`,`result`,`started_at`);
CREATE TABLE `restores` (
	`restored_at` integer PRIMARY KEY NOT NULL,
	`report` text NOT NULL
);

CREATE TABLE `profile_fields` (
	`user_id` text NOT NULL,
	`key` text NOT NULL,
	`value` text NOT NULL,
	PRIMARY KEY(`user_id`, `key`)
) WITHOUT ROWID;

CREATE TABLE `push_rules` (
	`user_id` text PRIMARY KEY NOT NULL,
	`position` integer NOT NULL,
	`changes` text NOT NULL
) WITHOUT ROWID;

CREATE TABLE `unread_checkpoints` (
	`user_id` text NOT NULL,
	`room_nid` integer NOT NULL,
	`counted_to` integer NOT NULL,
	`tally` text NOT NULL,
	PRIMARY KEY(`user_id`, `room_nid`)
) WITHOUT ROWID;

CREATE TABLE `receipts` (
	`room_nid` integer NOT NULL,
	`user_id` text NOT NULL,
	`type` text NOT NULL,
	`thread_id` text NOT NULL,
	`event_id` text NOT NULL,
	`event_position` integer NOT NULL,
	`sent_at` integer NOT NULL,
	`position` integer NOT NULL,
	PRIMARY KEY(`room_nid`, `user_id`, `type`, `thread_id`)
) WITHOUT ROWID;

CREATE INDEX `receipts_room` ON `receipts` (`room_nid`,`position`);
CREATE INDEX `receipts_position` ON `receipts` (`position`);
CREATE TABLE `reports` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`made_at` integer NOT NULL,
	`reporter` text NOT NULL,
	`room_id` text,
	`event_id` text,
	`user_id` text,
	`reason` text NOT NULL
);

CREATE TABLE `room_aliases` (
	`alias` text PRIMARY KEY NOT NULL,
	`room_nid` integer NOT NULL,
	`creator` text NOT NULL
) WITHOUT ROWID;

CREATE INDEX `room_aliases_room` ON `room_aliases` (`room_nid`);
CREATE TABLE `current_state` (
	`room_nid` integer NOT NULL,
	`type` text NOT NULL,
	`state_key` text NOT NULL,
	`position` integer NOT NULL,
	PRIMARY KEY(`room_nid`, `type`, `state_key`)
) WITHOUT ROWID;

CREATE TABLE `events` (
	`position` integer PRIMARY KEY NOT NULL,
	`room_nid` integer NOT NULL,
	`event_id` text NOT NULL,
	`timeline_order` integer,
	`type` text NOT NULL,
	`state_key` text,
	`sender` text NOT NULL,
	`depth` integer NOT NULL,
	`origin_server_ts` integer NOT NULL,
	`state_root` integer NOT NULL,
	`status` integer NOT NULL,
	`replaces` integer,
	`redacted_by` integer,
	`origin` text,
	`json` text NOT NULL,
	`content_start` integer NOT NULL,
	`content_length` integer NOT NULL
);

CREATE UNIQUE INDEX `events_event_id` ON `events` (`event_id`);
CREATE INDEX `events_timeline` ON `events` (`room_nid`,`timeline_order`);
CREATE INDEX `events_time` ON `events` (`room_nid`,`origin_server_ts`,`timeline_order`) WHERE timeline_order IS NOT NULL;
CREATE INDEX `events_origin` ON `events` (`origin`) WHERE origin IS NOT NULL;
CREATE TABLE `room_heads` (
	`room_nid` integer NOT NULL,
	`position` integer NOT NULL,
	PRIMARY KEY(`room_nid`, `position`)
) WITHOUT ROWID;

CREATE TABLE `memberships` (
	`room_nid` integer NOT NULL,
	`user_id` text NOT NULL,
	`membership` text NOT NULL,
	`position` integer NOT NULL,
	`changed_at` integer NOT NULL,
	`joined_at` integer,
	`forgotten` integer DEFAULT false NOT NULL,
	PRIMARY KEY(`room_nid`, `user_id`)
) WITHOUT ROWID;

CREATE INDEX `memberships_user` ON `memberships` (`user_id`,`membership`);
CREATE INDEX `memberships_changed_at` ON `memberships` (`changed_at`);
CREATE TABLE `missing_events` (
	`room_nid` integer NOT NULL,
	`event_id` text NOT NULL,
	`child` integer NOT NULL,
	`is_present` integer NOT NULL,
	PRIMARY KEY(`room_nid`, `event_id`)
) WITHOUT ROWID;

CREATE TABLE `public_rooms` (
	`room_nid` integer PRIMARY KEY NOT NULL
);

CREATE TABLE `event_relations` (
	`position` integer PRIMARY KEY NOT NULL,
	`room_nid` integer NOT NULL,
	`target` text NOT NULL,
	`relation_type` text NOT NULL
);

CREATE INDEX `event_relations_target` ON `event_relations` (`target`,`relation_type`);
CREATE TABLE `room_servers` (
	`room_nid` integer NOT NULL,
	`server` text NOT NULL,
	`joined` integer NOT NULL,
	PRIMARY KEY(`room_nid`, `server`)
) WITHOUT ROWID;

CREATE INDEX `room_servers_server` ON `room_servers` (`server`);
CREATE TABLE `room_states` (
	`room_nid` integer NOT NULL,
	`position` integer NOT NULL,
	`state_root` integer NOT NULL,
	PRIMARY KEY(`room_nid`, `position`)
) WITHOUT ROWID;

CREATE TABLE `rooms` (
	`nid` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`room_id` text NOT NULL,
	`version` text NOT NULL,
	`state_root` integer NOT NULL,
	`last_position` integer NOT NULL,
	`joined_members` integer NOT NULL,
	`invited_members` integer NOT NULL
);

CREATE UNIQUE INDEX `rooms_room_id` ON `rooms` (`room_id`);
CREATE TABLE `state_keys` (
	`id` integer PRIMARY KEY NOT NULL,
	`type` text NOT NULL,
	`state_key` text NOT NULL
);

CREATE UNIQUE INDEX `state_keys_pair` ON `state_keys` (`type`,`state_key`);
CREATE TABLE `state_nodes` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`node` blob NOT NULL
);

CREATE TABLE `stripped_states` (
	`room_nid` integer NOT NULL,
	`user_id` text NOT NULL,
	`events` text NOT NULL,
	PRIMARY KEY(`room_nid`, `user_id`)
) WITHOUT ROWID;

CREATE TABLE `audit_log` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`at` integer NOT NULL,
	`who` text NOT NULL,
	`act` text NOT NULL,
	`subject` text NOT NULL
);

CREATE TABLE `owner_sessions` (
	`token_hash` text PRIMARY KEY NOT NULL,
	`owner` text,
	`started_at` integer NOT NULL,
	`seen_at` integer NOT NULL,
	`confirmed_at` integer NOT NULL
) WITHOUT ROWID;

CREATE INDEX `owner_sessions_owner` ON `owner_sessions` (`owner`);
CREATE TABLE `owners` (
	`name` text PRIMARY KEY NOT NULL,
	`password_hash` text NOT NULL,
	`language` text NOT NULL,
	`created_at` integer NOT NULL
) WITHOUT ROWID;

CREATE TABLE `practice_rooms` (
	`name` text PRIMARY KEY NOT NULL,
	`room_id` text NOT NULL
) WITHOUT ROWID;

CREATE TABLE `setup_answers` (
	`name` text PRIMARY KEY NOT NULL,
	`value` text NOT NULL
) WITHOUT ROWID;

CREATE TABLE `staff` (
	`user_id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`role` text NOT NULL,
	`rooms` text NOT NULL,
	`added_at` integer NOT NULL,
	`left_at` integer,
	`farewell` text
) WITHOUT ROWID;

CREATE TABLE `staff_links` (
	`token_hash` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`expires_at` integer NOT NULL,
	`used_at` integer
) WITHOUT ROWID;

CREATE UNIQUE INDEX `staff_links_user` ON `staff_links` (`user_id`);
CREATE TABLE `wrong_tries` (
	`subject` text PRIMARY KEY NOT NULL,
	`count` integer NOT NULL,
	`last_at` integer NOT NULL
) WITHOUT ROWID;

CREATE TABLE `kernel_values` (
	`name` text PRIMARY KEY NOT NULL,
	`value` integer NOT NULL
) WITHOUT ROWID;

CREATE TABLE `filters` (
	`id` integer PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`json` text NOT NULL
);

CREATE INDEX `filters_user` ON `filters` (`user_id`);
CREATE TABLE `device_backlog` (
	`user_id` text NOT NULL,
	`device_id` text NOT NULL,
	`position` integer NOT NULL,
	`sender` text NOT NULL,
	`type` text NOT NULL,
	`content` text NOT NULL,
	PRIMARY KEY(`user_id`, `device_id`, `position`)
) WITHOUT ROWID;

CREATE TABLE `device_inbox` (
	`user_id` text NOT NULL,
	`device_id` text NOT NULL,
	`position` integer NOT NULL,
	`sender` text NOT NULL,
	`type` text NOT NULL,
	`content` text NOT NULL,
	PRIMARY KEY(`user_id`, `device_id`, `position`)
) WITHOUT ROWID;

CREATE TABLE `received_to_device` (
	`origin` text NOT NULL,
	`message_id` text NOT NULL,
	`received_at` integer NOT NULL,
	PRIMARY KEY(`origin`, `message_id`)
) WITHOUT ROWID;

CREATE INDEX `received_to_device_age` ON `received_to_device` (`received_at`);
CREATE TABLE `to_device_transactions` (
	`user_id` text NOT NULL,
	`device_id` text NOT NULL,
	`type` text NOT NULL,
	`transaction_id` text NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`user_id`, `device_id`, `type`, `transaction_id`)
) WITHOUT ROWID;

CREATE INDEX `to_device_transactions_age` ON `to_device_transactions` (`created_at`);