--! title = "Store sales against the other channels, returns left out"
--! question = "For which items and customers of a year were there unreturned sales both in a store and on the web or from the catalog, and how do the quantities compare?"
--! param.SELECTONE.default = "ss_sold_year, ss_item_sk, ss_customer_sk"
--! param.SELECTONE.sql = [
--!     "ss_sold_year", "ss_item_sk", "ss_customer_sk", "ss_sold_year, ss_item_sk, ss_customer_sk",
--! ]
--! param.YEAR = { default = 2000, int = [1998, 2002] }
--! deviations = ["the ratio of the quantities is divided as double, so that it is fractional on every engine"]

with web_sold as (
    select
        d_year as ws_sold_year,
        ws_item_sk,
        ws_bill_customer_sk as ws_customer_sk,
        sum(ws_quantity) as ws_qty,
        sum(ws_wholesale_cost) as ws_wc,
        sum(ws_sales_price) as ws_sp
    from web_sales
    left join web_returns
        on ws_order_number = wr_order_number
        and ws_item_sk = wr_item_sk
    join date_dim on ws_sold_date_sk = d_date_sk
    where wr_order_number is null
    group by d_year, ws_item_sk, ws_bill_customer_sk
),
catalog_sold as (
    select
        d_year as cs_sold_year,
        cs_item_sk,
        cs_bill_customer_sk as cs_customer_sk,
        sum(cs_quantity) as cs_qty,
        sum(cs_wholesale_cost) as cs_wc,
        sum(cs_sales_price) as cs_sp
    from catalog_sales
    left join catalog_returns
        on cs_order_number = cr_order_number
        and cs_item_sk = cr_item_sk
    join date_dim on cs_sold_date_sk = d_date_sk
    where cr_order_number is null
    group by d_year, cs_item_sk, cs_bill_customer_sk
),
store_sold as (
    select
        d_year as ss_sold_year,
        ss_item_sk,
        ss_customer_sk,
        sum(ss_quantity) as ss_qty,
        sum(ss_wholesale_cost) as ss_wc,
        sum(ss_sales_price) as ss_sp
    from store_sales
    left join store_returns
        on ss_ticket_number = sr_ticket_number
        and ss_item_sk = sr_item_sk
    join date_dim on ss_sold_date_sk = d_date_sk
    where sr_ticket_number is null
    group by d_year, ss_item_sk, ss_customer_sk
)
select
    {SELECTONE},
    round(cast(ss_qty as double) / (coalesce(ws_qty, 0) + coalesce(cs_qty, 0)), 2) as ratio,
    ss_qty as store_qty,
    ss_wc as store_wholesale_cost,
    ss_sp as store_sales_price,
    coalesce(ws_qty, 0) + coalesce(cs_qty, 0) as other_chan_qty,
    coalesce(ws_wc, 0) + coalesce(cs_wc, 0) as other_chan_wholesale_cost,
    coalesce(ws_sp, 0) + coalesce(cs_sp, 0) as other_chan_sales_price
from store_sold
left join web_sold
    on ss_sold_year = ws_sold_year
    and ss_item_sk = ws_item_sk
    and ss_customer_sk = ws_customer_sk
left join catalog_sold
    on ss_sold_year = cs_sold_year
    and ss_item_sk = cs_item_sk
    and ss_customer_sk = cs_customer_sk
where (coalesce(ws_qty, 0) > 0 or coalesce(cs_qty, 0) > 0)
    and ss_sold_year = {YEAR}
order by
    {SELECTONE},
    ss_qty desc nulls last,
    ss_wc desc nulls last,
    ss_sp desc nulls last,
    other_chan_qty,
    other_chan_wholesale_cost,
    other_chan_sales_price,
    ratio nulls first
limit 100
