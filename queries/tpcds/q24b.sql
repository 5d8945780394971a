--! title = "Returned purchases of one color by local foreigners (2 of 2)"
--! question = "In the stores of one market, which customers born abroad who live in the store's zip code area paid more than 5 percent of the average for returned items of the second color?"
--! param.AMOUNTONE.default = "ss_net_paid"
--! param.AMOUNTONE.sql = [
--!     "ss_net_paid", "ss_net_paid_inc_tax", "ss_net_profit", "ss_sales_price",
--!     "ss_ext_sales_price",
--! ]
--! param.COLOR = { default = ["peach", "saddle"], count = 2, text = "colors" }
--! param.MARKET = { default = 8, int = [5, 10] }

with returned_purchases as (
    select
        c_last_name,
        c_first_name,
        s_store_name,
        ca_state,
        s_state,
        i_color,
        i_current_price,
        i_manager_id,
        i_units,
        i_size,
        sum({AMOUNTONE}) as netpaid
    from store_sales
    join store_returns
        on ss_ticket_number = sr_ticket_number
        and ss_item_sk = sr_item_sk
    join store on ss_store_sk = s_store_sk
    join item on ss_item_sk = i_item_sk
    join customer on ss_customer_sk = c_customer_sk
    join customer_address
        on c_current_addr_sk = ca_address_sk
        and s_zip = ca_zip
    where c_birth_country <> upper(ca_country)
        and s_market_id = {MARKET}
    group by
        c_last_name,
        c_first_name,
        s_store_name,
        ca_state,
        s_state,
        i_color,
        i_current_price,
        i_manager_id,
        i_units,
        i_size
)
select
    c_last_name,
    c_first_name,
    s_store_name,
    sum(netpaid) as paid
from returned_purchases
where i_color = {COLOR.2}
group by c_last_name, c_first_name, s_store_name
-- the average is over all colors
having sum(netpaid) > (select 0.05 * avg(netpaid) from returned_purchases)
order by c_last_name nulls first, c_first_name nulls first, s_store_name nulls first
