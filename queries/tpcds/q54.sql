--! title = "Store revenue segments of remote buyers"
--! question = "How do the remote buyers of a class in a month spread over segments of 50, by what they spent in stores in the three months after?"
--! param.CATEGORY = { default = "Women", text = "categories" }
--! param.CLASS = { default = "maternity", text = "classes/{CATEGORY}" }
--! param.MONTH = { default = 12, int = [1, 7] }
--! param.YEAR = { default = 1998, int = [1998, 2002] }
--! deviations = [
--!     "the segment is the revenue divided by 50 and cut down by floor: a bare cast to integer rounds on some engines and truncates on others",
--!     "the default month 12 is the qualification value, outside of the months that are drawn",
--! ]

with remote_buyers as (
    select distinct
        c_customer_sk,
        c_current_addr_sk
    from (
        select
            cs_sold_date_sk as sold_date_sk,
            cs_bill_customer_sk as customer_sk,
            cs_item_sk as item_sk
        from catalog_sales
        union all
        select
            ws_sold_date_sk as sold_date_sk,
            ws_bill_customer_sk as customer_sk,
            ws_item_sk as item_sk
        from web_sales
    ) as remote_sales
    join item on item_sk = i_item_sk
    join date_dim on sold_date_sk = d_date_sk
    join customer on remote_sales.customer_sk = c_customer_sk
    where i_category = {CATEGORY}
        and i_class = {CLASS}
        and d_moy = {MONTH}
        and d_year = {YEAR}
),
store_revenue as (
    select
        c_customer_sk,
        sum(ss_ext_sales_price) as revenue
    from remote_buyers
    join store_sales on c_customer_sk = ss_customer_sk
    join customer_address on c_current_addr_sk = ca_address_sk
    -- a store in the buyer's county, not the one of the sale: a sale counts once for each
    join store
        on ca_county = s_county
        and ca_state = s_state
    join date_dim on ss_sold_date_sk = d_date_sk
    where d_month_seq between (
            select distinct d_month_seq + 1
            from date_dim
            where d_year = {YEAR}
                and d_moy = {MONTH}
        ) and (
            select distinct d_month_seq + 3
            from date_dim
            where d_year = {YEAR}
                and d_moy = {MONTH}
        )
    group by c_customer_sk
),
segments as (
    select cast(floor(revenue / 50.0) as int) as segment
    from store_revenue
)
select
    segment,
    count(*) as num_customers,
    segment * 50 as segment_base
from segments
group by segment
order by segment nulls first, num_customers
limit 100
