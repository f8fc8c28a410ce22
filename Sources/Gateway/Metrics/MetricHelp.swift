/// What each measurement is, for who reads `/metrics`.

enum MetricHelp {
  static let text = [
    "chatspot_errors_total": "Queries that ended with an error, by code.",
    "chatspot_features_bytes": "Bytes of image features that are held.",
    "chatspot_features_hits_total": "Images that were not encoded again.",
    "chatspot_http_request_seconds": "Time until a response was written, by route.",
    "chatspot_http_requests_running": "Requests that are being answered.",
    "chatspot_http_requests_total": "Requests, by route, method and status.",
    "chatspot_inter_token_seconds": "Time between two tokens of one answer.",
    "chatspot_journal_errors_total": "Reads and writes of the journal that failed.",
    "chatspot_kv_blocks": "KV blocks of the pipeline.",
    "chatspot_kv_blocks_cached": "KV blocks that are kept for prefixes.",
    "chatspot_kv_blocks_free": "KV blocks that nobody holds.",
    "chatspot_new_tokens_total": "Tokens of answers.",
    "chatspot_preemptions_total": "Queries that gave their KV blocks up for others.",
    "chatspot_prefix_hit_tokens_total": "Prompt tokens that were found in the prefix cache.",
    "chatspot_prompt_tokens_total": "Tokens of prompts.",
    "chatspot_queries_running": "Queries that are being answered.",
    "chatspot_queries_waiting": "Queries that wait.",
    "chatspot_queue_seconds": "Time that queries waited before their first step.",
    "chatspot_stage_busy_ratio": "Share of time that a stage computed.",
    "chatspot_stage_sending_ratio": "Share of time that a stage sent.",
    "chatspot_stage_waiting_ratio": "Share of time that a stage waited.",
    "chatspot_time_to_first_token_seconds": "Time from a query's arrival to its first token.",
  ]
}
