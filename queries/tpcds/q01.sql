--! title = "Returning customers above their store's average"
--! question = "Which customers of the stores in one state returned more than 1.2 times what a customer returned on average to the same store in a year?"
--! param.AGG_FIELD.default = "sr_return_amt"
--! param.AGG_FIELD.sql = [
--!     "sr_return_amt", "sr_fee", "sr_refunded_cash", "sr_return_amt_inc_tax",
--!     "sr_reversed_charge", "sr_store_credit", "sr_return_tax",
--! ]
--! param.STATE = { default = "TN", text = "store_states" }
--! param.YEAR = { default = 2000, int = [1998, 2002] }

with customer_returns as (
    select
        sr_customer_sk as customer_sk,
        sr_store_sk as store_sk,
        sum({AGG_FIELD}) as total_returned
    from store_returns
    join date_dim on sr_returned_date_sk = d_date_sk
    where d_year = {YEAR}
    group by sr_customer_sk, sr_store_sk
)
select c_customer_id
from customer_returns as cr
join store on cr.store_sk = s_store_sk
join customer on cr.customer_sk = c_customer_sk
where cr.total_returned > (
        select avg(peer.total_returned) * 1.2
        from customer_returns as peer
        where peer.store_sk = cr.store_sk
    )
    and s_state = {STATE}
order by c_customer_id
limit 100
