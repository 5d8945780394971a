--! title = "Returning customers of a city and an income range"
--! question = "Which customers who live in a city, have an income in a range of 50,000 dollars and share their demographics with a store return are there?"
--! param.CITY = { default = "Edgewood", text = "cities" }
--! param.INCOME = { default = 38128, int = [0, 70000] }

select
    c_customer_id as customer_id,
    coalesce(c_last_name, '') || ', ' || coalesce(c_first_name, '') as customername
from customer
join customer_address on c_current_addr_sk = ca_address_sk
join customer_demographics on c_current_cdemo_sk = cd_demo_sk
join household_demographics on c_current_hdemo_sk = hd_demo_sk
join income_band on hd_income_band_sk = ib_income_band_sk
-- the return is tied to the demographics, not to the customer: a customer comes once per return
join store_returns on cd_demo_sk = sr_cdemo_sk
where ca_city = {CITY}
    and ib_lower_bound >= {INCOME}
    and ib_upper_bound <= {INCOME} + 50000
order by c_customer_id
limit 100
